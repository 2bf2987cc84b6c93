package bus_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"runtime/pprof"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"zmicroservices/context/forwarder"
	"zmicroservices/taskservice/zmtp"
	"zmicroservices/taskservice/zmtp/curve"
	"zmicroservices/test/harness"
)

// forwarderRole makes a re-executed test binary the forwarder's process.
const forwarderRole = "forwarder"

func TestMain(m *testing.M) {
	harness.Main(m, map[string]func() error{forwarderRole: serve})
}

// profile names a file for a CPU profile of the forwarder's last run.
const profile = "ZMS_BENCH_PROFILE"

// serve runs a forwarder until stdin ends.
func serve() error {
	if name := os.Getenv(profile); name != "" {
		file, err := os.Create(name)
		if err != nil {
			return err
		}
		defer file.Close()
		if err := pprof.StartCPUProfile(file); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	security, key, err := sealed()
	if err != nil {
		return err
	}
	f, err := forwarder.New(forwarder.Options{
		Security:    security,
		FrontBind:   []string{"tcp://127.0.0.1:0"},
		BackendBind: []string{"tcp://127.0.0.1:0"},
		Logger:      slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return err
	}
	fmt.Println(f.Front()[0], f.Back()[0], key)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	// Ends with stdin.
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	return f.Run(ctx)
}

// curveVariable makes either device speak CURVE, to everybody who has its key.
const curveVariable = "CURVE"

// sealed is the security of a forwarder that is to speak CURVE, and its public key.
func sealed() (*forwarder.Security, string, error) {
	if os.Getenv(curveVariable) == "" {
		return nil, "", nil
	}
	pair, err := curve.NewPair()
	if err != nil {
		return nil, "", err
	}
	return &forwarder.Security{
		Mechanism: curve.Name,
		New: func(metadata zmtp.Metadata) zmtp.Mechanism {
			return curve.NewServer(curve.ServerOptions{
				Pair: pair, Authorize: func(curve.Key) error { return nil }, Metadata: metadata,
			})
		},
	}, pair.Public.String(), nil
}

// build compiles the C side.
func build(b *testing.B) string {
	b.Helper()
	return harness.Compile(b, "needs libzmq and a C compiler: apt-get install gcc libc6-dev libzmq3-dev", "testdata/peers.c", "-lzmq", "-lpthread")
}

// process is a child that talks by lines.
type process struct {
	b   *testing.B
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

func start(b *testing.B, name string, args ...string) *process {
	b.Helper()
	return run(b, exec.Command(name, args...))
}

func run(b *testing.B, cmd *exec.Cmd) *process {
	b.Helper()
	p := &process{b: b, cmd: cmd}
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	p.in, p.out = in, bufio.NewReader(out)
	return p
}

func (p *process) line() string {
	p.b.Helper()
	s, err := p.out.ReadString('\n')
	if err != nil {
		p.b.Fatalf("%v: %v", p.cmd.Args, err)
	}
	return strings.TrimSpace(s)
}

func (p *process) expect(want string) {
	p.b.Helper()
	if s := p.line(); s != want {
		p.b.Fatalf("%v said %q", p.cmd.Args, s)
	}
}

func (p *process) ask() string {
	p.b.Helper()
	if _, err := io.WriteString(p.in, "\n"); err != nil {
		p.b.Fatal(err)
	}
	return p.line()
}

func (p *process) count() int {
	p.b.Helper()
	n, err := strconv.Atoi(p.ask())
	if err != nil {
		p.b.Fatal(err)
	}
	return n
}

// stop ends a child: a C one ends at once when its stdin does, and the forwarder
// in order.
func (p *process) stop() {
	_ = p.in.Close()
	late := time.AfterFunc(5*time.Second, func() { _ = p.cmd.Process.Kill() })
	defer late.Stop()
	_ = p.cmd.Wait() // how it ended is of no interest
}

// device is a forwarder in a process of its own.
type device struct {
	*process
	front, back string
	key         string // public, of one that speaks CURVE
	urgent      bool
}

// urgentVariable has the quiet rows of latencies run under SCHED_FIFO, devices and
// loads alike, by chrt(1) and as root: what else runs on the machine has no say then.
const urgentVariable = "ZMS_BENCH_FIFO"

func urgent(cmd *exec.Cmd) *exec.Cmd {
	return exec.Command("chrt", append([]string{"-f", "1", cmd.Path}, cmd.Args[1:]...)...)
}

// newDevice starts one, with more environment.
func newDevice(b *testing.B, cmd *exec.Cmd, env ...string) *device {
	b.Helper()
	hurry := slices.Contains(env, urgentVariable+"=1")
	if hurry {
		cmd = urgent(cmd)
	}
	cmd.Env = append(os.Environ(), env...)
	d := &device{process: run(b, cmd), urgent: hurry}
	words := append(strings.Fields(d.line()), "")
	if len(words) < 3 {
		b.Fatalf("%v said %q", cmd.Args, words)
	}
	d.front, d.back, d.key = words[0], words[1], words[2]
	return d
}

// load starts peers at the device.
func (d *device) load(program string, args ...string) *process {
	d.b.Helper()
	cmd := exec.Command(program, args...)
	if d.urgent {
		cmd = urgent(cmd)
	}
	if d.key != "" {
		cmd.Env = append(os.Environ(), "CURVE_SERVER="+d.key)
	}
	p := run(d.b, cmd)
	p.expect("ready")
	return p
}

// proxy starts libzmq's.
func proxy(b *testing.B, peers string, env ...string) *device {
	b.Helper()
	return newDevice(b, exec.Command(peers, "proxy"), env...)
}

// ours starts ours.
func ours(b *testing.B, env ...string) *device {
	b.Helper()
	return newDevice(b, exec.Command(harness.Self(b)), append(env, harness.RoleVariable+"="+forwarderRole)...)
}

// cpu is the user and system time of the device so far, by its CPU-time clock
// (clock_getcpuclockid(3)): proc(5) counts in hundredths of a second.
func (d *device) cpu() time.Duration {
	d.b.Helper()
	// Negative clocks are processes': the bits above the lowest three.
	clock := int32(^d.cmd.Process.Pid<<3 | unix.CLOCK_PROCESS_CPUTIME_ID)
	var t unix.Timespec
	if err := unix.ClockGettime(clock, &t); err != nil {
		d.b.Fatal(err)
	}
	return time.Duration(t.Nano())
}

// peak is the highest resident set of the device so far, in MiB.
func (d *device) peak() float64 {
	d.b.Helper()
	return harness.UsageOf(d.b, d.cmd.Process.Pid).Peak
}
