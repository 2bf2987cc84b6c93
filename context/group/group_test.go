package group

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"zmicroservices/conf"
	"zmicroservices/context/event"
	"zmicroservices/taskservice/message"
)

// rig is a Group with a bus that keeps what is said and a launcher whose
// processes are born at once and die when they are told to.
type rig struct {
	*Group
	mu       sync.Mutex
	frames   []string
	outcomes chan event.Outcome
	unseen   atomic.Int32 // processes made before the View knew of them
}

func (r *rig) Wanted(string) bool { return true }

func (r *rig) Publish(frame []byte) error {
	topic, payload, err := message.Split(frame)
	if err != nil {
		return err
	}
	line := topic
	if topic == message.TopicControl {
		c, err := message.ParseControl(payload)
		if err != nil {
			return err
		}
		line += " " + c.Header.Action + " " + c.Header.ServiceID
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.frames = append(r.frames, line)
	return nil
}

func (r *rig) Launch(l Launch) {
	// Whoever hears the process's first word looks here for whose it is.
	if v := r.View().Task(l.Ref.Task); v == nil || v.Incarnation != l.Ref.Incarnation {
		r.unseen.Add(1)
	}
	r.Put(event.Spawned{Ref: l.Ref, PID: 4711})
}

func (r *rig) Hook(h Hook) { r.Put(event.HookEnded{Ref: h.Ref, Turn: "post_start"}) }

func (r *rig) End(e End) {
	r.Put(event.Exited{Ref: e.Ref, Exit: event.Exit{Signal: "SIGTERM"}})
	r.Put(event.Gone{Ref: e.Ref})
}

func newRig(t *testing.T, ctx context.Context) *rig {
	t.Helper()
	r := &rig{outcomes: make(chan event.Outcome, 100)}
	g, err := New(options(), Collaborators{
		Bus: r, Launcher: r, Logger: slog.New(slog.DiscardHandler),
		Answered: func(o event.Outcome) { r.outcomes <- o },
	})
	if err != nil {
		t.Fatal(err)
	}
	r.Group = g
	go func() { _ = g.Run(ctx) }() // ends with ctx
	return r
}

func TestTheLoopRunsAServiceFromStartToStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		r := newRig(t, ctx)
		w := r.Watch()
		defer w.Close()
		a := command("ts001")
		r.Put(asks(Start, a))
		if o := <-r.outcomes; !o.OK {
			t.Fatalf("start: %+v", o)
		}
		r.Put(asks(Restart, a))
		if o := <-r.outcomes; !o.OK {
			t.Fatalf("restart: %+v", o)
		}
		if n := r.unseen.Load(); n > 0 {
			t.Errorf("%d processes were made before the View knew of them", n)
		}
		r.Put(asks(Stop, a))
		if o := <-r.outcomes; !o.OK {
			t.Fatalf("stop: %+v", o)
		}
		synctest.Wait()
		last := w.View().Seq
		for last < r.View().Seq {
			c, err := w.Next(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if c.Seq != last+1 {
				t.Fatalf("change %d after %d: a gap", c.Seq, last)
			}
			last = c.Seq
		}
		if s := r.View().Task("ts001").State; s != event.Stopped {
			t.Errorf("it is %s", s)
		}
	})
}

func TestDeadlinesComeInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		r := newRig(t, ctx)
		began := time.Now()
		r.Put(asks(Start, service("ts001"))) // it never says a word
		o := <-r.outcomes
		if o.OK || time.Since(began) != 30*time.Second {
			t.Errorf("after %v: %+v", time.Since(began), o)
		}
	})
}

func TestAWatcherThatIsTooSlowIsToldAndCanGoOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		r := newRig(t, ctx)
		w := r.Watch()
		defer w.Close()
		a := command("ts001")
		for range watchQueue {
			r.Put(asks(Restart, a))
			<-r.outcomes
		}
		var err error
		for n := 0; err == nil; n++ {
			_, err = w.Next(ctx)
		}
		if !errors.Is(err, ErrLagged) {
			t.Fatalf("got %v, want ErrLagged", err)
		}
		v := w.Resync()
		r.Put(asks(Stop, a))
		c, err := w.Next(ctx)
		if err != nil || c.Seq != v.Seq+1 {
			t.Fatalf("after a resync at %d: change %d, %v", v.Seq, c.Seq, err)
		}
	})
}

func TestWhatComesAfterTheEndIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		r := newRig(t, ctx)
		w := r.Watch()
		cancel()
		synctest.Wait()
		if r.Put(asks(Start, command("ts001"))) {
			t.Error("a request was accepted")
		}
		if err := r.Notice(t.Context(), event.Notice{}); !errors.Is(err, ErrEnded) {
			for range maxNotices { // the queue takes some without a reader
				if err = r.Notice(t.Context(), event.Notice{}); err != nil {
					break
				}
			}
			if !errors.Is(err, ErrEnded) {
				t.Errorf("notice: %v", err)
			}
		}
		if _, err := w.Next(t.Context()); !errors.Is(err, ErrEnded) {
			t.Errorf("next: %v", err)
		}
	})
}

func TestNoticesWaitAndExitsDoNot(t *testing.T) {
	b := newInbox()
	for range maxNotices {
		if err := b.notice(t.Context(), event.Notice{}); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := b.notice(ctx, event.Notice{}); !errors.Is(err, context.Canceled) {
		t.Errorf("one notice too many: %v", err)
	}
	if !b.put(event.Exited{Ref: event.Ref{Task: "ts001"}}) || len(b.take()) != 1 {
		t.Error("an exit had to wait for notices")
	}
}

func TestLastWordsGoBeforeTheExitOfWhoSaidThem(t *testing.T) {
	b := newInbox()
	say := func(task event.TaskID, action string) {
		t.Helper()
		if err := b.notice(t.Context(), event.Notice{Ref: event.Ref{Task: task}, Action: action}); err != nil {
			t.Fatal(err)
		}
	}
	a, other := event.Ref{Task: "ts001"}, event.Ref{Task: "ts002"}
	say("ts002", "updated")
	say("ts001", "updated")
	say("ts002", "failed")
	say("ts001", "stopped")
	for _, e := range []event.Event{event.Spawned{Ref: other}, event.Exited{Ref: a}, event.Gone{Ref: a}} {
		b.put(e)
	}
	var got []string
	for batch := b.take(); len(batch) > 0; batch = b.take() {
		for _, e := range batch {
			what := fmt.Sprintf("%T", e)
			if n, ok := e.(event.Notice); ok {
				what = n.Action
			}
			got = append(got, what+" "+string(e.About()))
		}
	}
	want := []string{
		"event.Spawned ts002", "updated ts001", "stopped ts001", "event.Exited ts001", "event.Gone ts001",
		"updated ts002", "failed ts002",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if len(b.room) != 0 {
		t.Errorf("%d places are taken by nothing", len(b.room))
	}
}

func TestOptionsAreChecked(t *testing.T) {
	for name, o := range map[string]Options{
		"no transaction": func() Options { o := options(); o.Transaction = ""; return o }(),
		"no context":     func() Options { o := options(); o.ContextID = ""; return o }(),
		"no timeout":     func() Options { o := options(); o.StartTimeout = 0; return o }(),
		"no storm limit": func() Options { o := options(); o.Transitions = conf.Transitions{}; return o }(),
	} {
		if _, err := NewTransaction(o, time.Now()); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, err := New(options(), Collaborators{}); err == nil {
		t.Error("a group without collaborators was accepted")
	}
}
