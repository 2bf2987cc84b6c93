package hub

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"
)

func TestEndsHearWhatTheySubscribedTo(t *testing.T) {
	h := New()
	a, b := h.Join(), h.Join()
	ctx := t.Context()
	for _, err := range []error{a.Subscribe(ctx, "x."), b.Subscribe(ctx, "x."), b.Subscribe(ctx, "x.y"), b.Subscribe(ctx, "z")} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, frame := range []string{"x.y @@@ {}", "z @@@ {}", "w", "", "x"} {
		if err := a.Publish(ctx, []byte(frame)); err != nil {
			t.Fatal(err)
		}
	}
	wants(t, a, "x.y @@@ {}") // its own, too
	wants(t, b, "x.y @@@ {}", "z @@@ {}")
	b.Leave()
	if err := a.Publish(ctx, []byte("x.1")); err != nil {
		t.Fatal(err)
	}
	wants(t, a, "x.1")
	wants(t, b)
}

// wants receives exactly these: Publish is done when all have them.
func wants(t *testing.T, e *End, frames ...string) {
	t.Helper()
	for _, want := range frames {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		got, err := e.Receive(ctx)
		cancel()
		if err != nil || string(got) != want {
			t.Fatalf("%q, %v; want %q", got, err, want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if got, err := e.Receive(ctx); !errors.Is(err, context.Canceled) {
		t.Fatalf("%q, %v more than wanted", got, err)
	}
}

func TestWhoDoesNotReceiveLosesAndHoldsUpNobody(t *testing.T) {
	h := New()
	slow, quick := h.Join(), h.Join()
	ctx := t.Context()
	if err := slow.Subscribe(ctx, ""); err != nil {
		t.Fatal(err)
	}
	for i := range maxQueued + 7 {
		if err := quick.Publish(ctx, fmt.Appendf(nil, "%d", i)); err != nil {
			t.Fatal(err)
		}
	}
	if n := slow.Dropped(); n != 7 {
		t.Errorf("%d dropped", n)
	}
	if first, err := slow.Receive(ctx); err != nil || string(first) != "0" {
		t.Errorf("%s, %v", first, err)
	}
	if err := quick.Publish(ctx, make([]byte, maxBytes)); err != nil || slow.Dropped() != 8 {
		t.Error(err, slow.Dropped())
	}
}

func TestSeveralReceiveAtOneEnd(t *testing.T) {
	e := New().Join()
	if err := e.Subscribe(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	const each = 500
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range each {
				if _, err := e.Receive(t.Context()); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for range 4 * each {
		if err := e.Publish(t.Context(), []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	all.Wait()
}
