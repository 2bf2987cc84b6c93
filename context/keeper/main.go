package keeper

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"time"

	"zmicroservices/context/keeper/kernel"
)

// Arg is argv[1] of the binary that is executed once more to be the keeper.
const Arg = "keeper"

// SocketName is the keeper's socket in its runtime directory.
const SocketName = "keeper.sock"

// options are the flags of the keeper.
type options struct {
	fd         int
	runtimeDir string
	stateDir   string
	linger     time.Duration
	silence    time.Duration
	init       bool
	resume     int // descriptor of what the program before has left; -1: nothing
	trial      int
	before     []string // of argv, between the program and the flags
	flags      []string // without --resume
	argv       []string // of the provider, with init
}

func parseFlags(args []string) (options, error) {
	var o options
	flags := flag.NewFlagSet(Arg, flag.ContinueOnError)
	flags.IntVar(&o.fd, "fd", -1, "inherited `descriptor` of a listening or connected unix socket")
	flags.StringVar(&o.runtimeDir, "runtime_dir", "", "`directory` of the socket")
	flags.StringVar(&o.stateDir, "state_dir", "", "`directory` that relative log paths start from")
	flags.Func("linger", "how long services run on without a provider: a `duration` or forever", func(text string) (err error) {
		o.linger, err = ParseLinger(text)
		return err
	})
	flags.DurationVar(&o.silence, "silence", 30*time.Second, "how long a provider may be silent")
	flags.BoolVar(&o.init, "init", false, "stand first: run the provider, the arguments after --")
	flags.IntVar(&o.resume, "resume", -1, "go on with what another program has left in this `descriptor`")
	flags.IntVar(&o.trial, "trial", -1, "only find out whether what is in this `descriptor` could be gone on with")
	o.linger = -1
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	o.argv = flags.Args()
	o.before, o.flags = []string{Arg}, withoutResume(args)
	if n := len(os.Args) - len(args); n > 0 {
		o.before = os.Args[1:n]
	}
	if o.trial >= 0 {
		return o, nil
	}
	switch {
	case o.linger >= 0:
	case o.init:
		o.linger = time.Minute // or the first crash would end everything
	default:
		o.linger = 0
	}
	switch {
	case o.init && (len(o.argv) == 0 || !strings.Contains(o.argv[0], "/")):
		return o, fmt.Errorf("--init %q: the path of a program is needed", o.argv)
	case o.init && o.fd >= 0:
		return o, errors.New("--init makes its own socket: no --fd")
	case !o.init && o.resume < 0 && o.fd < 3:
		return o, fmt.Errorf("--fd %d: a descriptor from 3 up is needed", o.fd)
	case !filepath.IsAbs(o.runtimeDir):
		return o, fmt.Errorf("--runtime_dir %q: an absolute path is needed", o.runtimeDir)
	case o.silence <= 0:
		return o, fmt.Errorf("--silence %v: must be positive", o.silence)
	}
	return o, nil
}

// withoutResume takes --resume out, which comes first: the next program gets its own.
func withoutResume(args []string) []string {
	if len(args) > 1 && args[0] == "--resume" {
		return args[2:]
	}
	return args
}

// Main is the keeper's program. It is called by main when os.Args[1] is Arg,
// with the arguments after it, and returns the exit code: 0 when everything that
// it held is gone, 1 when it could not begin, 2 for wrong flags.
//
// With --init it stands first, as PID 1 of a container or main process of a unit,
// and runs the provider itself, with its stdin, stdout and stderr:
//
//	keeper --init --runtime_dir DIR [--state_dir DIR] [--linger D] -- PATH ARG…
//
// The provider attaches to it by the same directory. It is started again when it
// dies (at once, then with delays), gets SIGTERM and SIGINT, and gives the exit code
// (128 + n for signal n). Its end in order, or one before it ever attached, is the
// keeper's end.
func Main(args []string) int {
	if len(args) == 1 && args[0] == passageArg {
		return passage()
	}
	o, err := parseFlags(args)
	if err != nil {
		fmt.Fprintln(os.Stderr, "keeper:", err)
		return 2
	}
	if o.trial >= 0 {
		if err := tryOut(o.trial); err != nil {
			fmt.Fprintln(os.Stderr, "keeper:", err)
			return 1
		}
		return 0
	}
	// The program may have been executed by a descriptor, whose name tells nobody
	// anything. Whoever looks with ps(1) or top(1) finds us by this, proc_pid_comm(5).
	_ = os.WriteFile("/proc/self/comm", []byte("zms-keeper"), 0)
	deafen()
	code, err := run(o)
	if err != nil {
		fmt.Fprintln(os.Stderr, "keeper:", err)
		return 1
	}
	return code
}

func run(o options) (code int, err error) {
	kernel.CloseAllOnExec()
	if err := kernel.BecomeSubreaper(); err != nil {
		return 0, err
	}
	kernel.SetName("keeper")
	// The loop, two in vfork, one at the disk: more only costs threads. Collecting
	// seldom, see server.tidy.
	runtime.GOMAXPROCS(4)
	debug.SetGCPercent(400)
	// Brings the runtime's poller into being, see spawner.run.
	r, w, err := os.Pipe()
	if err != nil {
		return 0, err
	}
	_, _ = r.Close(), w.Close()
	s, err := newServer(o)
	if err != nil {
		return 0, err
	}
	defer listen(s)()
	if o.resume >= 0 {
		err = s.resume(o.resume)
	} else if o.init {
		err = s.outermost()
	} else if err = s.door.open(s, o.fd); err == nil {
		s.leftAloneAtFirst()
	}
	if err != nil {
		s.door.close(s)
		return 0, err
	}
	err = s.loop()
	return s.code(), err
}

// listen turns signals into wakes of the loop, and returns the end of that.
// Every signal that could be ignored by inheritance is caught, so that execve
// gives our children the default: an ignored SIGHUP would otherwise pass on to
// every service. SIGTERM and SIGINT go to the provider of an outermost keeper, else
// they mean something only without one; the others (a terminal's, a broken stderr)
// mean nothing.
func listen(s *server) (stop func()) {
	// os/signal drops what a channel has no room for: one of each kind is enough,
	// they are levels and not counts. Nobody reads the last channel.
	died, end, deaf := make(chan os.Signal, 1), make(chan os.Signal, 2), make(chan os.Signal, 1)
	s.hear = func() {
		signal.Notify(died, syscall.SIGCHLD)
		signal.Notify(end, ends...)
		signal.Notify(deaf, others...)
	}
	s.hear()
	done := make(chan struct{}) // closed by stop
	go func() {                 // ends with stop
		for {
			select {
			case <-died:
				s.sigchld.Store(true)
			case sig := <-end:
				s.signals.Or(1 << uint(sig.(syscall.Signal)))
			case <-done:
				return
			}
			s.wake()
		}
	}()
	return func() {
		for _, c := range []chan os.Signal{died, end, deaf} {
			signal.Stop(c)
		}
		close(done)
	}
}

// The signals that are caught, beside SIGCHLD.
var (
	ends   = []os.Signal{syscall.SIGTERM, syscall.SIGINT}
	others = []os.Signal{
		syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGPIPE, syscall.SIGTSTP, syscall.SIGTTIN,
		syscall.SIGTTOU, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGALRM,
	}
)

// deafen catches the signals that mean an end for good: one that comes while the
// keeper ends already must not make that look like a death.
func deafen() {
	signal.Notify(make(chan os.Signal, 1), ends...) // nobody reads it
}

func readRSS() int64 {
	var buf [128]byte
	n, _ := kernel.ReadFile("/proc/self/statm", buf[:])
	fields := strings.Fields(string(buf[:n]))
	if len(fields) < 2 {
		return 0
	}
	pages, _ := strconv.ParseInt(fields[1], 10, 64)
	return pages * int64(os.Getpagesize())
}

func countDir(path string) int {
	entries, _ := os.ReadDir(path)
	return len(entries)
}
