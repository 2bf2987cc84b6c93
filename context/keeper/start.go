package keeper

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"zmicroservices/context/keeper/kernel"
)

// ErrRunning says that a keeper listens in the runtime directory already.
var ErrRunning = errors.New("a keeper is running")

// Options say how a keeper is started, or met.
type Options struct {
	// Exe is the program whose main calls Main; "" is the running one.
	Exe string
	// Args stand between the program's name and the keeper's flags; nil is {Arg}.
	Args []string
	// RuntimeDir holds the socket; it is made 0700. Required.
	RuntimeDir string
	// StateDir is where relative Output.Log paths start; "" is RuntimeDir.
	StateDir string
	// Linger is how long services run on without a provider; 0 not at all, Forever
	// for ever. Of a keeper that is met it is what that was started with.
	Linger time.Duration
	// Silence is how long either side may say nothing before the other takes it
	// for gone. 0 is 30 s.
	Silence time.Duration
	// Silent hears that the keeper has said nothing for two thirds of Silence, and
	// then that it speaks again; or the Client ends, with ErrSilent. It must not
	// block. nil is nobody.
	Silent func(silent bool)
	// Epoch of this provider; the keeper heeds the highest it has seen. 0 is the
	// next: for who knows by other means (a lock) that he is the only one.
	Epoch uint64
	// Logger hears what the keeper has to say; nil is nobody.
	Logger *slog.Logger
	// Dropped hears of lines that are in no file, about a second after it happened:
	// each time all of a task since the keeper began. It must not block. nil is nobody.
	Dropped func(Loss)
	// Env is the keeper's own environment, which no service sees; nil is ours.
	Env []string
	// Stderr is where a panic of the keeper goes; nil is ours.
	Stderr *os.File
}

func (o Options) complete() (Options, error) {
	if o.RuntimeDir == "" {
		return o, errors.New("options have no runtime directory")
	}
	for _, dir := range []*string{&o.RuntimeDir, &o.StateDir} {
		if *dir == "" {
			*dir = o.RuntimeDir
		}
		abs, err := filepath.Abs(*dir)
		if err != nil {
			return o, err
		}
		*dir = abs
	}
	if o.Exe == "" {
		o.Exe = "/proc/self/exe"
	}
	if o.Args == nil {
		o.Args = []string{Arg}
	}
	if o.Silence <= 0 {
		o.Silence = 30 * time.Second
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Dropped == nil {
		o.Dropped = func(Loss) {}
	}
	if o.Silent == nil {
		o.Silent = func(bool) {}
	}
	if o.Env == nil {
		o.Env = os.Environ()
	}
	if o.Stderr == nil {
		o.Stderr = os.Stderr
	}
	return o, nil
}

// Start starts a keeper in a session of its own and connects to it. The socket is
// made here and inherited, so that there is no moment to wait for: the connection
// waits in the backlog. ctx bounds the greeting.
// It returns ErrRunning if there is one already: Connect takes it over.
func Start(ctx context.Context, o Options) (*Client, error) {
	o, err := o.complete()
	if err != nil {
		return nil, fmt.Errorf("start keeper: %w", err)
	}
	if err := os.MkdirAll(o.RuntimeDir, 0o700); err != nil {
		return nil, fmt.Errorf("start keeper: %w", err)
	}
	o.Epoch = max(o.Epoch, 1)
	listener, err := listenUnix(ctx, o.RuntimeDir)
	if err != nil {
		return nil, fmt.Errorf("start keeper: %w", err)
	}
	pid, pidfd, err := o.execute(listener)
	// From here on the keeper's copy is the only one: if it dies, so does the
	// connection in its backlog.
	_ = syscall.Close(listener)
	if err != nil {
		_ = os.Remove(filepath.Join(o.RuntimeDir, SocketName))
		return nil, fmt.Errorf("start keeper: execute %s: %w", o.Exe, err)
	}
	c, err := greet(ctx, o, pidfd)
	if err != nil {
		_ = kernel.Signal(pidfd, syscall.SIGKILL) // it holds nothing yet
		var status syscall.WaitStatus
		_, _ = syscall.Wait4(pid, &status, 0, nil)
		_ = syscall.Close(pidfd)
		if status.Exited() {
			err = fmt.Errorf("%w (it exited with %d)", err, status.ExitStatus())
		}
		return nil, fmt.Errorf("start keeper: %w", err)
	}
	return c, nil
}

// Connect meets the keeper that listens in o.RuntimeDir and takes it over: o.Epoch
// must be higher than any before. Events that were not acknowledged come again.
func Connect(ctx context.Context, o Options) (*Client, error) {
	o, err := o.complete()
	if err != nil {
		return nil, fmt.Errorf("connect to keeper: %w", err)
	}
	c, err := greet(ctx, o, -1)
	if err != nil {
		return nil, fmt.Errorf("connect to keeper: %w", err)
	}
	return c, nil
}

// execute runs the keeper: setsid, so that a terminal's Ctrl-C and hang-up are
// the provider's alone.
func (o Options) execute(listener int) (pid, pidfd int, err error) {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return 0, -1, err
	}
	defer func() { _ = null.Close() }()
	name := o.Exe
	if name == "/proc/self/exe" {
		name = os.Args[0]
	}
	argv := append([]string{name}, o.Args...)
	argv = append(argv, "--fd", "3", "--runtime_dir", o.RuntimeDir, "--state_dir", o.StateDir,
		"--linger", FormatLinger(o.Linger), "--silence", o.Silence.String())
	pidfd = -1
	pid, err = syscall.ForkExec(o.Exe, argv, &syscall.ProcAttr{
		Env:   o.Env,
		Files: []uintptr{null.Fd(), null.Fd(), o.Stderr.Fd(), uintptr(listener)},
		Sys:   &syscall.SysProcAttr{Setsid: true, PidFD: &pidfd},
	})
	if err == nil && pidfd < 0 {
		pidfd, err = kernel.OpenPidfd(pid, 0)
	}
	return pid, pidfd, err
}

// listenUnix makes the socket, mode 0600, in place of one that nobody serves.
func listenUnix(ctx context.Context, dir string) (int, error) {
	if err := vacant(ctx, dir); err != nil {
		return -1, err
	}
	address, release, err := socketAddress(dir)
	if err != nil {
		return -1, err
	}
	defer release()
	if err := os.Remove(address); err != nil && !errors.Is(err, os.ErrNotExist) {
		return -1, fmt.Errorf("remove stale socket: %w", err)
	}
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, os.NewSyscallError("socket", err)
	}
	// The mode of the inode comes from the socket's, less the umask: fchmod before
	// bind leaves no moment in which others could connect.
	_ = syscall.Fchmod(fd, 0o600)
	if err := syscall.Bind(fd, &syscall.SockaddrUnix{Name: address}); err != nil {
		_ = syscall.Close(fd)
		return -1, fmt.Errorf("bind %s: %w", filepath.Join(dir, SocketName), err)
	}
	if err := syscall.Listen(fd, 16); err != nil {
		_ = syscall.Close(fd)
		return -1, os.NewSyscallError("listen", err)
	}
	return fd, nil
}

// socketAddress is the path of the socket as the kernel can take it: 107 bytes
// (unix(7)). A longer one goes by way of a descriptor of its directory.
func socketAddress(dir string) (address string, release func(), err error) {
	address = filepath.Join(dir, SocketName)
	if len(address) < 108 {
		return address, func() {}, nil
	}
	f, err := os.Open(dir)
	if err != nil {
		return "", nil, err
	}
	return "/proc/self/fd/" + strconv.Itoa(int(f.Fd())) + "/" + SocketName, func() { _ = f.Close() }, nil
}
