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
	"syscall"
	"time"

	"zmicroservices/context/event"
	"zmicroservices/taskservice/message"
)

// Server is the control socket's end in the provider.
type Server struct {
	h        *Handler
	hello    Hello
	listener *net.UnixListener
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
	hello.Protocol, hello.PID = Version, os.Getpid()
	return &Server{h: h, hello: hello, listener: l}, nil
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
			if ctx.Err() != nil {
				return nil
			}
			return fmt.Errorf("accept on control socket: %w", err)
		}
		// Ends when its client hangs up or ctx ends.
		conns.Go(func() { s.serve(ctx, c) })
	}
}

// session is one connection.
type session struct {
	s     *Server
	peer  Peer
	mu    sync.Mutex // guards enc: one line at a time
	enc   *json.Encoder
	tasks sync.WaitGroup
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

func (ses *session) send(r reply) {
	ses.mu.Lock()
	defer ses.mu.Unlock()
	// A client that has gone is noticed by the reader of its connection.
	_ = ses.enc.Encode(r)
}

func (ses *session) answer(ctx context.Context, q query) {
	h := ses.s.h
	switch q.Verb {
	case "hello":
		hello := ses.s.hello
		ses.send(reply{ID: q.ID, Done: true, Hello: &hello})
	case "publish":
		ses.publish(ctx, q)
	case "state":
		if q.Transaction == "" {
			ses.send(reply{ID: q.ID, Done: true, Views: h.opts.Transactions.Views()})
			return
		}
		v := h.opts.Transactions.View(event.TransactionID(q.Transaction))
		if v == nil {
			ses.unknown(q)
			return
		}
		ses.send(reply{ID: q.ID, Done: true, Views: []*event.View{v}})
	case "watch":
		ses.watch(ctx, q)
	case "why":
		w, err := h.opts.Journal.Why(ctx, event.TransactionID(q.Transaction), event.TaskID(q.Task))
		ses.send(answerOf(q, err, reply{Why: &w}))
	case "history":
		if q.History == nil {
			q.History = &HistoryQuery{}
		}
		entries, err := h.opts.Journal.History(ctx, *q.History)
		ses.send(answerOf(q, err, reply{History: entries}))
	default:
		ses.send(reply{ID: q.ID, Done: true, Error: fmt.Sprintf("verb %q is none of hello, publish, state, watch, why, history", q.Verb)})
	}
}

// answerOf is the last reply to a query: r, or what went wrong.
func answerOf(q query, err error, r reply) reply {
	if err != nil {
		r = reply{Error: err.Error()}
	}
	r.ID, r.Done = q.ID, true
	return r
}

func (ses *session) unknown(q query) {
	ses.send(reply{ID: q.ID, Done: true, Code: "unknown", Error: fmt.Sprintf("there is no transaction %q", q.Transaction)})
}

// publish hands a message to the bus in the peer's name, streams what it
// changes, and ends with its outcome.
func (ses *session) publish(ctx context.Context, q query) {
	h := ses.s.h
	topic, payload, err := message.Split([]byte(q.Frame))
	if err != nil {
		ses.send(reply{ID: q.ID, Done: true, Error: err.Error()})
		return
	}
	outcome := h.waiters.expect(q.ID)
	defer h.waiters.forget(q.ID)
	// Watched from before, if there is something to watch: a command that begins
	// its transaction is followed from its beginning on.
	id := transactionOf(topic, payload)
	stream, err := h.opts.Transactions.Watch(id)
	if err := h.opts.Bus.Inject(ses.peer, []byte(q.Frame)); err != nil {
		ses.send(reply{ID: q.ID, Done: true, Error: err.Error()})
		return
	}
	if err != nil {
		stream, err = h.opts.Transactions.Watch(id)
	}
	changes := make(chan event.Change, 1)
	ctx, cancel := context.WithCancel(ctx)
	var following sync.WaitGroup
	defer following.Wait()
	defer cancel()
	if err == nil {
		// Ends with this query.
		following.Go(func() { follow(ctx, stream, q.ID, changes) })
	}
	for {
		select {
		case c := <-changes:
			ses.send(reply{ID: q.ID, Change: &c})
		case o := <-outcome:
			ses.send(reply{ID: q.ID, Done: true, Outcome: &o})
			return
		case <-ctx.Done():
			select { // both may have been ready
			case o := <-outcome:
				ses.send(reply{ID: q.ID, Done: true, Outcome: &o})
			default:
			}
			return
		}
	}
}

// lastAnswer bounds the writing of answers when the server ends.
const lastAnswer = time.Second

// transactionOf gives the transaction that a command is about; "" when it
// cannot be told.
func transactionOf(topic string, payload []byte) event.TransactionID {
	switch topic {
	case message.TopicContext:
		c, _ := message.ParseCommand(payload)
		return event.TransactionID(c.Header.Transaction)
	case message.TopicProcess:
		p, _ := message.ParseProcess(payload)
		return event.TransactionID(p.Header.Transaction)
	default:
		return ""
	}
}

// follow sends the changes that a request causes.
func follow(ctx context.Context, s Stream, request string, to chan<- event.Change) {
	defer s.Close()
	for {
		c, err := s.Next(ctx)
		if err != nil {
			return
		}
		if c.Cause.Request != request {
			continue
		}
		select {
		case to <- c:
		case <-ctx.Done():
			return
		}
	}
}

func (ses *session) watch(ctx context.Context, q query) {
	stream, err := ses.s.h.opts.Transactions.Watch(event.TransactionID(q.Transaction))
	if err != nil {
		ses.unknown(q)
		return
	}
	defer stream.Close()
	ses.send(reply{ID: q.ID, View: stream.View()})
	for {
		c, err := stream.Next(ctx)
		switch {
		case errors.Is(err, ErrLagged):
			ses.send(reply{ID: q.ID, View: stream.Resync()})
		case err != nil:
			ses.send(reply{ID: q.ID, Done: true})
			return
		default:
			ses.send(reply{ID: q.ID, Change: &c})
		}
	}
}
