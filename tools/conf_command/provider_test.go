package main

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"zmicroservices/conf"
	"zmicroservices/context/command"
	"zmicroservices/context/event"
)

// localProvider is a provider behind a real control socket. What it does with a
// request is the test's: by default all that is asked for succeeds at once.
type localProvider struct {
	t       *testing.T
	handler *command.Handler
	dir     string             // runtime directory
	end     context.CancelFunc // as if it had been told to exit
	ended   sync.WaitGroup     // the server, and what a request started

	mu      sync.Mutex // guards the rest
	views   []*event.View
	frames  []string // as they were published
	rows    []command.Entry
	asked   []command.HistoryQuery
	lines   []command.LogLine // what Read gives
	logged  []command.LogQuery
	reel    reel // what is recorded, and what was played
	reports int  // that were given of the bus
	on      func(p *localProvider, r command.Request)

	// opened has every stream that the server began to read; sent by Watch, never
	// closed, with room for more than a test has.
	opened chan *changes
}

var began = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// startLocal runs one for the file at path.
func startLocal(t *testing.T, path string) *localProvider {
	t.Helper()
	file, err := conf.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	p := &localProvider{t: t, dir: t.TempDir(), on: (*localProvider).succeed, opened: make(chan *changes, 64)}
	t.Setenv("ZMS_RUNTIME_DIR", p.dir)
	ctx, cancel := context.WithCancel(context.Background())
	p.end = cancel
	p.handler, err = command.New(ctx, command.Options{
		Own: file, Transactions: p, Journal: p, Logs: p, Bus: p, Figures: p, BusReporter: p, Tape: p, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	socket := command.SocketPath(p.dir, file.ContextID, file.FrontEndEndpoint, file.BackendEndpoint)
	server, err := command.Listen(socket, p.handler, command.Hello{ContextID: file.ContextID})
	if err != nil {
		t.Fatal(err)
	}
	p.ended.Go(func() { _ = server.Run(ctx) }) // ends with ctx
	t.Cleanup(func() { cancel(); p.ended.Wait() })
	return p
}

// localFile is the trio's file with endpoints that nobody listens on.
func localFile(t *testing.T) string {
	return trioAt(t, "ipc:///nonexistent/sub", "ipc:///nonexistent/pub")
}

func (p *localProvider) transaction(id string, tasks ...*event.TaskView) {
	p.mu.Lock()
	defer p.mu.Unlock()
	v := &event.View{Transaction: event.TransactionID(id), ContextName: "context", LogName: "Trio", Began: began, Tasks: tasks}
	for i, old := range p.views {
		if old.Transaction == v.Transaction {
			p.views[i] = v
			return
		}
	}
	p.views = append(p.views, v)
}

func taskView(id, instance string, state event.State, pid int) *event.TaskView {
	return &event.TaskView{
		ID: event.TaskID(id), Instance: instance, ServiceName: "sn_" + id, State: state, PID: pid,
		Present: pid > 0 && !state.Ended(), Ready: state == event.Started, Since: began.Add(time.Second),
	}
}

func (p *localProvider) succeed(r command.Request) {
	p.answer(event.Outcome{Transaction: r.Transaction, Action: r.Action, Request: r.Cause.Request, OK: true})
}

func (p *localProvider) answer(o event.Outcome) { p.handler.Answer(o) }

func (p *localProvider) published() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.frames)
}

// Of command.Bus.

func (p *localProvider) Wanted(string) bool { return true }

func (p *localProvider) Publish([]byte) error { return nil }

func (p *localProvider) Inject(from command.Peer, frame []byte) error {
	p.mu.Lock()
	p.frames = append(p.frames, string(frame))
	p.mu.Unlock()
	topic, _, _ := splitFrame(frame)
	p.handler.Deliver(from, topic, frame)
	return nil
}

// Read is of command.Logs: it gives what there is, and what comes until ctx ends.
func (p *localProvider) Read(ctx context.Context, q command.LogQuery, each func([]command.LogLine) error) error {
	p.mu.Lock()
	p.logged = append(p.logged, q)
	p.mu.Unlock()
	given := 0
	again := time.NewTicker(time.Millisecond)
	defer again.Stop()
	for {
		p.mu.Lock()
		lines := p.lines[given:]
		p.mu.Unlock()
		if given += len(lines); len(lines) > 0 {
			if err := each(lines); err != nil {
				return err
			}
		}
		if !q.Follow {
			return nil
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// Of command.Transactions.

func (p *localProvider) Ask(r command.Request) error {
	p.mu.Lock()
	on := p.on
	p.mu.Unlock()
	p.ended.Go(func() { on(p, r) }) // the test's; ends when that returns
	return nil
}

func (p *localProvider) Exit(id event.TransactionID, c event.Cause) {
	p.answer(event.Outcome{Transaction: id, Action: "exit", Request: c.Request, OK: true})
	p.end()
}

func (p *localProvider) Notice(context.Context, event.Notice) error { return nil }

func (p *localProvider) View(id event.TransactionID) *event.View {
	for _, v := range p.Views() {
		if v.Transaction == id {
			return v
		}
	}
	return nil
}

func (p *localProvider) Views() []*event.View {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.views)
}

func (p *localProvider) Spec(event.TransactionID, event.TaskID) *conf.Task { return nil }

func (p *localProvider) Watch(id event.TransactionID) (command.Stream, error) {
	v := p.View(id)
	if v == nil {
		return nil, errors.New("no such transaction")
	}
	s := &changes{view: v, next: make(chan event.Change)}
	p.opened <- s
	return s, nil
}

// Of command.Journal.

// Why is the changes of a task service, the latest first.
func (p *localProvider) Why(_ context.Context, id event.TransactionID, task event.TaskID) (command.Why, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	w := command.Why{Text: "nothing is known"}
	for _, e := range slices.Backward(p.rows) {
		if c := e.Change; c != nil && c.Task == task && (id == "" || c.Transaction == id) {
			w.Text = "restarting since 12:00:03 because rule on_fail of \x1b[31mts001 called it"
			w.Chain = append(w.Chain, *c)
		}
	}
	return w, nil
}

func (p *localProvider) History(_ context.Context, q command.HistoryQuery) ([]command.Entry, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked = append(p.asked, q)
	var some []command.Entry
	for _, e := range p.rows {
		if q.Task == "" || e.Change != nil && e.Change.Task == q.Task {
			some = append(some, e)
		}
	}
	return some[max(0, len(some)-q.Limit):], nil
}

// remember puts into the journal how ts001 was started, killed and started
// again by a rule, and how ts002 was refused.
func (p *localProvider) remember() {
	p.mu.Lock()
	defer p.mu.Unlock()
	at := func(ms int) time.Time { return began.Add(time.Duration(ms) * time.Millisecond) }
	operator := event.Cause{Origin: event.ByOperator, By: "uid 0 pid 4711", Request: "r1"}
	for _, e := range []command.Entry{
		{Note: &command.Note{At: at(0), Event: "provider began", Reason: "trio.xml"}},
		{Change: &event.Change{Seq: 1, At: at(1000), Task: "ts001", Incarnation: 1, From: event.Defined, To: event.Starting, Event: "start", Cause: operator}},
		{Change: &event.Change{
			Seq: 2, At: at(3000), Task: "ts001", Incarnation: 1, PID: 4712, From: event.Starting, To: event.Failed, Event: "exited",
			Cause: event.Cause{Origin: event.ByProcess, Parent: 1, Root: 1}, Exit: &event.Exit{Signal: "SIGKILL"},
		}},
		{Change: &event.Change{
			Seq: 3, At: at(3002), Task: "ts001", Incarnation: 2, From: event.Failed, To: event.Starting, Event: "restart",
			Cause: event.Cause{Origin: event.ByTransition, By: "on_fail of ts001", Parent: 2, Root: 1},
		}},
		{Change: &event.Change{
			Seq: 4, At: at(4000), Task: "ts002", From: event.Stopped, To: event.Stopped, Event: "refused", Cause: operator,
			Exit: &event.Exit{Code: 3}, Reason: "an operator\nstopped it",
		}},
		{Change: &event.Change{Seq: 5, At: at(5000), Event: "storm", Cause: event.Cause{Origin: event.ByTransition}, Reason: "30 within 10s"}},
	} {
		e.Row = int64(len(p.rows) + 1)
		if e.Change != nil {
			e.Change.Transaction = testTransaction
		}
		p.rows = append(p.rows, e)
	}
}

func (p *localProvider) queries() []command.HistoryQuery {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.asked)
}

// changes is a stream that a test feeds.
type changes struct {
	view *event.View
	next chan event.Change // sent by the test, received by the server; never closed
}

func (c *changes) View() *event.View   { return c.view }
func (c *changes) Resync() *event.View { return c.view }
func (c *changes) Close()              {}

func (c *changes) Next(ctx context.Context) (event.Change, error) {
	select {
	case e := <-c.next:
		return e, nil
	case <-ctx.Done():
		return event.Change{}, ctx.Err()
	}
}

// trioAt is a copy of the trio's file with other endpoints.
func trioAt(t *testing.T, frontEnd, backend string) string {
	t.Helper()
	return rewrite(t, trio, filepath.Join(t.TempDir(), "trio.xml"),
		"tcp://127.0.0.1:23220", frontEnd, "tcp://127.0.0.1:23221", backend)
}
