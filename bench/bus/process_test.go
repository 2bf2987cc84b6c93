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
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"zmicroservices/context/forwarder"
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
	f, err := forwarder.New(forwarder.Options{
		FrontBind:   []string{"tcp://127.0.0.1:0"},
		BackendBind: []string{"tcp://127.0.0.1:0"},
		Logger:      slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return err
	}
	fmt.Println(f.Front()[0], f.Back()[0])
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	// Ends with stdin.
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	return f.Run(ctx)
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
}

func newDevice(b *testing.B, cmd *exec.Cmd) *device {
	b.Helper()
	d := &device{process: run(b, cmd)}
	if _, err := fmt.Sscan(d.line(), &d.front, &d.back); err != nil {
		b.Fatal(err)
	}
	return d
}

// proxy starts libzmq's.
func proxy(b *testing.B, peers string) *device {
	b.Helper()
	return newDevice(b, exec.Command(peers, "proxy"))
}

// ours starts ours.
func ours(b *testing.B) *device {
	b.Helper()
	cmd := exec.Command(harness.Self(b))
	cmd.Env = append(os.Environ(), harness.RoleVariable+"="+forwarderRole)
	return newDevice(b, cmd)
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
