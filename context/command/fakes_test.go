package command

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"zmicroservices/conf"
	"zmicroservices/context/event"
	"zmicroservices/taskservice/message"
)

// house is what stands behind the handlers: it remembers what they asked for
// and shows the pictures that a test hangs up.
type house struct {
	mu      sync.Mutex
	asked   []Request
	notices []event.Notice
	exits   []event.Cause
	views   []*event.View
	said    []string // frames
	watched chan event.Change
	streams int      // that are open
	handler *Handler // messages that fronts inject are delivered here
	broken  error    // of the bus, for fronts
	deaf    bool     // nobody has subscribed
}

func (h *house) Ask(r Request) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.asked = append(h.asked, r)
	return nil
}

func (h *house) Exit(_ event.TransactionID, c event.Cause) { h.exits = append(h.exits, c) }

func (h *house) Notice(_ context.Context, n event.Notice) error {
	h.notices = append(h.notices, n)
	return nil
}

// show hangs up pictures while others may look.
func (h *house) show(views ...*event.View) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.views = views
}

func (h *house) View(id event.TransactionID) *event.View {
	for _, v := range h.Views() {
		if v.Transaction == id {
			return v
		}
	}
	return nil
}

func (h *house) Views() []*event.View {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.views
}

func (h *house) Watch(id event.TransactionID) (Stream, error) {
	v := h.View(id)
	if v == nil {
		return nil, ErrUnknown
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.streams++
	return flow{h, v, h.watched}, nil
}

// flow is a stream whose changes a test sends.
type flow struct {
	house   *house
	view    *event.View
	changes chan event.Change
}

func (f flow) View() *event.View   { return f.view }
func (f flow) Resync() *event.View { return f.view }

func (f flow) Close() {
	f.house.mu.Lock()
	defer f.house.mu.Unlock()
	f.house.streams--
}

func (f flow) Next(ctx context.Context) (event.Change, error) {
	select {
	case c, ok := <-f.changes:
		if !ok {
			return event.Change{}, errors.New("ended")
		}
		return c, nil
	case <-ctx.Done():
		return event.Change{}, ctx.Err()
	}
}

func (h *house) Why(_ context.Context, id event.TransactionID, task event.TaskID) (Why, error) {
	return Why{Text: "because of " + string(task) + " in " + string(id), Chain: []event.Change{{Seq: 9, Task: task}}}, nil
}

func (h *house) History(_ context.Context, q HistoryQuery) ([]Entry, error) {
	return []Entry{{Row: 1, Note: &Note{Event: "provider began"}}, {Row: 2, Change: &event.Change{Task: q.Task}}}, nil
}

func (h *house) Wanted(string) bool { return !h.deaf }

func (h *house) Publish(frame []byte) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.said = append(h.said, string(frame))
	return nil
}

func (h *house) Inject(p Peer, frame []byte) error {
	if h.broken != nil {
		return h.broken
	}
	h.handler.Deliver(p, message.Topic(frame), frame)
	return nil
}

// result gives the status of the one command_result that was said.
func (h *house) result(t *testing.T) map[string]any {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	var found []map[string]any
	for _, frame := range h.said {
		topic, payload, err := message.Split([]byte(frame))
		if err != nil {
			t.Fatal(err)
		}
		if topic != message.TopicControl {
			continue
		}
		c, err := message.ParseControl(payload)
		if err != nil {
			t.Fatal(err)
		}
		if c.Status["device_action"] == "command_result" {
			found = append(found, c.Status)
		}
	}
	h.said = nil
	if len(found) != 1 {
		t.Fatalf("%d command results, want one", len(found))
	}
	return found[0]
}

const file = `<?xml version="1.0"?>
<Context>
  <FrontEndEndpoint>tcp://127.0.0.1:5556</FrontEndEndpoint>
  <BackendEndpoint>tcp://127.0.0.1:5557</BackendEndpoint>
  <FrontBind>tcp://*:5557</FrontBind>
  <BackendBind>tcp://*:5556</BackendBind>
  <ContextID>context001</ContextID>
  <TaskLogName>Test</TaskLogName>
  <TaskService id="ts001" topic="process" instance="Echo" serviceType="Process">
    <Process><command>/bin/sleep 60</command></Process>
    <Task>
      <message>
        <header><action>start</action><service_name>echo</service_name></header>
        <content><configuration><device_action>shout</device_action></configuration></content>
      </message>
      <state type="on_start"/>
    </Task>
  </TaskService>
</Context>`

func newHouse(t testing.TB) *house {
	t.Helper()
	path := filepath.Join(t.TempDir(), "Context.xml")
	if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	own, err := conf.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	h := &house{watched: make(chan event.Change)}
	h.handler, err = New(t.Context(), Options{
		Own: own, Transactions: h, Journal: h, Logs: h, Bus: h, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

var operator = Peer{Conn: 7, UID: os.Getuid(), Name: "test", Loopback: true}

func (h *house) hear(frame string) {
	h.handler.Deliver(operator, message.Topic([]byte(frame)), []byte(frame))
}

// order is a context message.
func order(action, transaction, tasks string) string {
	return `context @@@ {"header": {"action": "` + action + `", "service_id": "context001", "service_name": "context",
		"service_transaction": "` + transaction + `", "request_id": "r1"},
		"content": {"configuration": {` + tasks + `}}}`
}

func view(id string) *event.View {
	return &event.View{Seq: 3, Transaction: event.TransactionID(id), LogName: "Test", Tasks: []*event.TaskView{{
		ID: "ts001", Instance: "Echo", ServiceName: "echo", State: event.Started, Incarnation: 2, PID: 4711,
		Action: "started", Result: "success", Told: "start", Object: map[string]any{"id": "ts001"},
	}}}
}

func contains(t *testing.T, what any, part string) {
	t.Helper()
	if s, _ := what.(string); !strings.Contains(s, part) {
		t.Errorf("%q says nothing of %q", s, part)
	}
}

// Read gives three lines, and with Follow the last again and again until ctx ends.
func (h *house) Read(ctx context.Context, q LogQuery, each func([]LogLine) error) error {
	line := func(text string) LogLine {
		return LogLine{At: time.Unix(1, 0).UTC(), Task: "ts001", Stream: "out", Text: []byte(text)}
	}
	if err := each([]LogLine{line(string(q.Transaction)), line("\xff\x1b[m")}); err != nil {
		return err
	}
	if q.Last == 13 {
		return errors.New("no such luck")
	}
	for {
		if err := each([]LogLine{line("on")}); err != nil || !q.Follow {
			return err
		}
		if ctx.Err() != nil {
			return nil
		}
	}
}
