package command

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Server is the control socket's end in the provider.
type Server struct {
	h        *Handler
	hello    Hello
	listener *net.UnixListener
	passed   atomic.Bool // the listening socket is another's
}

// Listen binds the control socket at path, for its owner only. A socket file
// that nobody listens on is replaced.
func Listen(path string, h *Handler, hello Hello) (*Server, error) {
	if len(path) >= 108 {
		return nil, fmt.Errorf("bind control socket: %s has %d bytes, more than the 107 that a socket path may have: choose a shorter --runtime_dir", path, len(path))
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("bind control socket: %w", err)
	}
	if c, err := net.Dial("unix", path); err == nil {
		c.Close()
		return nil, fmt.Errorf("bind control socket: another provider of this context is listening on %s", path)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("bind control socket: %w", err)
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("bind control socket: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		l.Close()
		return nil, fmt.Errorf("bind control socket: %w", err)
	}
	return newServer(l, h, hello), nil
}

// Inherit serves a control socket that the program before this one in the same process
// has passed on, by its descriptor.
func Inherit(fd int, h *Handler, hello Hello) (*Server, error) {
	f := os.NewFile(uintptr(fd), "control")
	if f == nil {
		return nil, fmt.Errorf("inherit control socket: %d is no descriptor", fd)
	}
	defer f.Close() // the listener has a copy
	l, err := net.FileListener(f)
	if err != nil {
		return nil, fmt.Errorf("inherit control socket: %w", err)
	}
	unix, ok := l.(*net.UnixListener)
	if !ok {
		l.Close()
		return nil, fmt.Errorf("inherit control socket: descriptor %d listens on %s", fd, l.Addr().Network())
	}
	unix.SetUnlinkOnClose(true)
	return newServer(unix, h, hello), nil
}

func newServer(l *net.UnixListener, h *Handler, hello Hello) *Server {
	hello.Protocol, hello.PID = Version, os.Getpid()
	return &Server{h: h, hello: hello, listener: l}
}

// Pass ends the accepting and gives the socket away, to be inherited: who connects from
// now on waits in its backlog. Sessions go on.
func (s *Server) Pass() (*os.File, error) {
	f, err := s.listener.File()
	if err != nil {
		return nil, fmt.Errorf("pass on control socket: %w", err)
	}
	s.passed.Store(true)
	s.listener.SetUnlinkOnClose(false)
	return f, s.listener.Close()
}

// Run serves until ctx ends. It returns after every connection was closed.
func (s *Server) Run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { s.listener.Close() })
	defer stop()
	defer s.listener.Close()
	var conns sync.WaitGroup
	defer conns.Wait()
	for {
		c, err := s.listener.AcceptUnix()
		if err != nil {
			if ctx.Err() != nil || s.passed.Load() {
				return nil
			}
			return fmt.Errorf("accept on control socket: %w", err)
		}
		// Ends when its client hangs up or ctx ends.
		conns.Go(func() { s.serve(ctx, c) })
	}
}

func (s *Server) serve(ctx context.Context, c *net.UnixConn) {
	ctx, cancel := context.WithCancel(ctx)
	defer c.Close()
	// The end of ctx ends the reading, not the connection: an outcome that is
	// there, that of an exit above all, still goes out.
	stop := context.AfterFunc(ctx, func() {
		_ = c.SetReadDeadline(time.Now())
		_ = c.SetWriteDeadline(time.Now().Add(lastAnswer))
	})
	defer stop()
	ses := &session{s: s, enc: json.NewEncoder(c)}
	defer ses.tasks.Wait()
	defer cancel()
	peer, err := credentials(c)
	if err != nil {
		s.h.opts.Logger.Warn("control connection refused", "err", err)
		return
	}
	ses.peer = peer
	lines := bufio.NewScanner(c)
	lines.Buffer(make([]byte, 0, 4096), maxLine)
	for lines.Scan() {
		var q query
		if err := json.Unmarshal(lines.Bytes(), &q); err != nil {
			ses.send(reply{Done: true, Error: "query is no JSON object: " + err.Error()})
			return
		}
		// Ends with its answer, or with the connection.
		ses.tasks.Go(func() { ses.answer(ctx, q) })
	}
}

// credentials asks the kernel who is at the other end. The socket's mode keeps
// others out; root may come in.
func credentials(c *net.UnixConn) (Peer, error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return Peer{}, err
	}
	var cred *syscall.Ucred
	var inner error
	if err := raw.Control(func(fd uintptr) {
		cred, inner = syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED)
	}); err != nil {
		return Peer{}, err
	}
	if inner != nil {
		return Peer{}, inner
	}
	if uid := int(cred.Uid); uid != 0 && uid != os.Getuid() {
		return Peer{}, fmt.Errorf("uid %d is neither root nor the provider's own", uid)
	}
	return Peer{UID: int(cred.Uid), Name: fmt.Sprintf("uid %d pid %d", cred.Uid, cred.Pid)}, nil
}

// lastAnswer bounds the writing of answers when the server ends.
const lastAnswer = time.Second
