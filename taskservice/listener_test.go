package taskservice

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
)

func TestAListenerKeepsWhatATaskIsTooBusyFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		bus := newMemory()
		s := &Session{Log: slog.New(slog.DiscardHandler), bus: bus, life: ctx}
		service := &service{log: s.Log, session: s, watched: &watched{}}
		go service.listen(ctx, bus, nil) // ends with ctx
		l := s.Listen(5000)
		for _, prefix := range []string{"a.", "b."} {
			if err := l.Subscribe(ctx, prefix); err != nil {
				t.Fatal(err)
			}
		}
		for n := range 2500 {
			bus.in <- fmt.Appendf(nil, "a.x @@@ %d", n)
			bus.in <- fmt.Appendf(nil, "c.x @@@ %d", n)
			bus.in <- fmt.Appendf(nil, "b.x @@@ %d", n)
		}
		synctest.Wait()
		if l.Missed() > 0 || s.Missed() > 0 {
			t.Errorf("%d were missed", l.Missed())
		}
		bus.in <- []byte("a.x @@@ too many")
		synctest.Wait()
		if l.Missed() != 1 || s.Missed() != 1 {
			t.Errorf("%d were missed", l.Missed())
		}
		for n := range 5000 {
			frame, err := l.Receive(ctx)
			if want := fmt.Sprintf("%c.x @@@ %d", "ab"[n%2], n/2); err != nil || string(frame) != want {
				t.Fatalf("%s %v, want %s", frame, err, want)
			}
		}
		for range 2 {
			bus.in <- append([]byte("a.x @@@ "), make([]byte, heaviest)...)
		}
		synctest.Wait()
		if l.Missed() != 2 {
			t.Errorf("%d were missed of what is heavy", l.Missed())
		}
		if _, err := l.Receive(ctx); err != nil {
			t.Error(err)
		}
		if !l.Connected() {
			t.Error("the bus is there")
		}
		for range 50 {
			bus.in <- []byte("a.x @@@ last word")
		}
		synctest.Wait()
		ended, end := context.WithCancel(ctx)
		end()
		for n := range 50 {
			if frame, err := l.Receive(ended); err != nil || string(frame) != "a.x @@@ last word" {
				t.Fatalf("last word %d: %s %v", n, frame, err)
			}
		}
		close(bus.full) // the bus is away: tried until ctx ends
		cancel()
		if _, err := l.Receive(ctx); err == nil {
			t.Error("it waits on")
		}
		if err := l.Publish(ctx, []byte("control @@@ {}")); err == nil {
			t.Error("it was published")
		}
	})
}
