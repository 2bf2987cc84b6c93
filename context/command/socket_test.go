package command

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"zmicroservices/context/event"
)

// listen serves a house's control socket until the test ends.
func listen(t *testing.T, h *house) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "c")
	s, err := Listen(path, h.handler, Hello{ContextID: "context001", Version: "v1"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }() // ends with ctx
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return path
}

func dial(t *testing.T, path string) *Client {
	t.Helper()
	c, err := Dial(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func TestAProviderOfAnotherUserSaysWhoMayCommandIt(t *testing.T) {
	path := listen(t, newHouse(t))
	if os.Getuid() == 0 {
		t.Skip("root may connect to every socket")
	}
	if err := os.Chmod(path, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := Dial(t.Context(), path); err == nil || !strings.Contains(err.Error(), "run the command as the user that runs the provider") {
		t.Errorf("Dial gave %v", err)
	}
}

func TestACommandThatTheBusDoesNotTakeIsAnErrorAndLeavesNoReader(t *testing.T) {
	h := newHouse(t)
	h.views = []*event.View{view("T1")}
	h.broken = errors.New("bus is closed")
	c := dial(t, listen(t, h))
	if _, err := c.Publish(t.Context(), []byte(order("stop", "T1", "")), nil); err == nil || !strings.Contains(err.Error(), "bus is closed") {
		t.Errorf("Publish gave %v", err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.streams != 0 {
		t.Errorf("%d streams are still open", h.streams)
	}
}

func TestACommandIsFollowedToItsOutcome(t *testing.T) {
	h := newHouse(t)
	h.views = []*event.View{view("T1")}
	c := dial(t, listen(t, h))
	if c.Hello().ContextID != "context001" || c.Hello().PID != os.Getpid() {
		t.Errorf("hello %+v", c.Hello())
	}
	var seen []event.Change
	frame := order("stop", "T1", "")
	done := make(chan struct{})
	go func() { // ends when the change was read and the outcome given
		defer close(done)
		h.watched <- event.Change{Task: "ts001", Cause: event.Cause{Request: "other"}}
		h.watched <- event.Change{Task: "ts001", Cause: event.Cause{Request: "r1"}, To: event.Stopping}
		h.watched <- event.Change{Task: "ts001", Cause: event.Cause{Request: "other"}} // the one before was handed on
		h.handler.Answer(Outcome{Transaction: "T1", Action: "stop", Request: "r1", OK: true})
	}()
	o, err := c.Publish(t.Context(), []byte(frame), func(ch event.Change) { seen = append(seen, ch) })
	<-done
	if err != nil || !o.OK || o.Transaction != "T1" {
		t.Fatalf("outcome %+v, %v", o, err)
	}
	if len(seen) != 1 || seen[0].To != event.Stopping {
		t.Errorf("saw %+v", seen)
	}
	if len(h.asked) != 1 || !strings.Contains(h.asked[0].Cause.By, "pid") {
		t.Errorf("asked %+v", h.asked)
	}
}

func TestARefusalComesBackByTheSocket(t *testing.T) {
	h := newHouse(t)
	c := dial(t, listen(t, h))
	o, err := c.Publish(t.Context(), []byte(order("stop", "T9", "")), nil)
	if err != nil || o.OK || !strings.Contains(o.Reason, "T9") {
		t.Errorf("%+v, %v", o, err)
	}
}

func TestStateByTheSocket(t *testing.T) {
	h := newHouse(t)
	h.views = []*event.View{view("T1"), view("T2")}
	c := dial(t, listen(t, h))
	if views, err := c.State(t.Context(), ""); err != nil || len(views) != 2 {
		t.Errorf("all: %d views, %v", len(views), err)
	}
	if views, err := c.State(t.Context(), "T2"); err != nil || len(views) != 1 || views[0].Tasks[0].State != event.Started {
		t.Errorf("one: %+v, %v", views, err)
	}
	if _, err := c.State(t.Context(), "T9"); !errors.Is(err, ErrUnknown) {
		t.Errorf("unknown: %v", err)
	}
}

func TestWhyAndHistoryByTheSocketAndTheBus(t *testing.T) {
	h := newHouse(t)
	c := dial(t, listen(t, h))
	if w, err := c.Why(t.Context(), "T1", "ts001"); err != nil || w.Text != "because of ts001 in T1" || w.Chain[0].Seq != 9 {
		t.Errorf("why: %+v, %v", w, err)
	}
	if rows, err := c.History(t.Context(), HistoryQuery{Task: "ts001"}); err != nil || len(rows) != 2 || rows[1].Change.Task != "ts001" {
		t.Errorf("history: %+v, %v", rows, err)
	}
	h.hear(`state @@@ {"header": {"action": "why", "service_id": "", "service_name": "state", "service_transaction": "T1"}, "content": {"configuration": {"task": "ts001"}}}`)
	h.hear(`state @@@ {"header": {"action": "history", "service_id": "", "service_name": "state", "service_transaction": "T1"}, "content": {"configuration": {"since": "2026-11-21T00:00:00Z"}}}`)
	if len(h.said) != 2 || !strings.Contains(h.said[0], "reply_why") || !strings.Contains(h.said[0], "because of ts001 in T1") ||
		!strings.Contains(h.said[1], "reply_history") || !strings.Contains(h.said[1], "provider began") {
		t.Errorf("said %q", h.said)
	}
	h.said = nil
	h.hear(`state @@@ {"header": {"action": "history", "service_id": "", "service_name": "state", "service_transaction": "T1"}, "content": {"configuration": {"since": "yesterday"}}}`)
	contains(t, h.result(t)["reason"], "since")
}

func TestAWatchShowsAViewAndThenTheChanges(t *testing.T) {
	h := newHouse(t)
	h.views = []*event.View{view("T1")}
	c := dial(t, listen(t, h))
	go func() { // ends when both are read
		h.watched <- event.Change{Seq: 4}
		h.watched <- event.Change{Seq: 5}
	}()
	enough := errors.New("enough")
	var seen []uint64
	err := c.Watch(t.Context(), "T1", func(s Sight) error {
		if s.View != nil {
			seen = append(seen, s.View.Seq)
		} else {
			seen = append(seen, s.Change.Seq)
		}
		if len(seen) == 3 {
			return enough
		}
		return nil
	})
	if !errors.Is(err, enough) || seen[0] != 3 || seen[1] != 4 || seen[2] != 5 {
		t.Errorf("saw %v, %v", seen, err)
	}
}

func TestNobodyThereIsKnownAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c")
	if _, err := Dial(t.Context(), path); !errors.Is(err, ErrNobody) {
		t.Errorf("no socket: %v", err)
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	l.Close()
	if _, err := Dial(t.Context(), path); !errors.Is(err, ErrNobody) {
		t.Errorf("a dead socket: %v", err)
	}
}

func TestTheSocketIsForItsOwnerAndForOneProvider(t *testing.T) {
	h := newHouse(t)
	path := listen(t, h)
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if _, err := Listen(path, h.handler, Hello{}); err == nil || !strings.Contains(err.Error(), "another provider") {
		t.Errorf("a second server: %v", err)
	}
	if _, err := Listen(filepath.Join(t.TempDir(), strings.Repeat("x", 120)), h.handler, Hello{}); err == nil {
		t.Error("a path of more than 107 bytes was accepted")
	}
}

func TestNonsenseOnTheSocketIsAnsweredAndHarmsNobody(t *testing.T) {
	h := newHouse(t)
	path := listen(t, h)
	for _, line := range []string{"{\n", "[]\n", `{"id":"1","verb":"dance"}` + "\n", `{"id":"2","verb":"publish","frame":"x"}` + "\n"} {
		c, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Write([]byte(line)); err != nil {
			t.Fatal(err)
		}
		answer := make([]byte, 4096)
		n, err := c.Read(answer)
		if err != nil || !strings.Contains(string(answer[:n]), `"error"`) {
			t.Errorf("%q was answered by %q, %v", line, answer[:n], err)
		}
		c.Close()
	}
	dial(t, path)
}

func TestAProviderThatGoesAwayEndsTheWaiting(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c")
	h := newHouse(t)
	s, err := Listen(path, h.handler, Hello{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }() // ends with ctx
	h.views = []*event.View{view("T1")}
	c := dial(t, path)
	go func() { // ends when the change was taken: the request has arrived
		h.watched <- event.Change{}
		cancel()
	}()
	if _, err := c.Publish(t.Context(), []byte(order("stop", "T1", "")), nil); !errors.Is(err, ErrGone) {
		t.Errorf("got %v, want ErrGone", err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
