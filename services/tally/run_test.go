package tally

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"zmicroservices/services/gap"
	"zmicroservices/taskservice/lifecycle"
	"zmicroservices/taskservice/message"
)

// words are the notices that were said.
type words struct {
	mu    sync.Mutex // guards said
	said  []string
	fault error
}

func (w *words) say(n gap.Notice) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.fault != nil {
		return w.fault
	}
	w.said = append(w.said, n.Identity)
	return nil
}

func (w *words) all() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.said)
}

// running has a tally run in a bubble until the returned function is called.
func running(t *testing.T, n *Tally, from Source) (end func()) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)              // sent once
	go func() { done <- n.Run(ctx, from) }() // ends with cancel
	return func() {
		t.Helper()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func TestASilentNodeLeavesTheGaugeAndIsSpokenOf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w words
		n, bus := newTally(t, Options{Say: w.say}), newWire()
		end := running(t, n, bus)
		defer end()
		for i := range 3 {
			bus.frames <- frame(t, lifecycle.Startup, "server", name(i), "1")
		}
		time.Sleep(40 * time.Minute)
		bus.frames <- frame(t, lifecycle.Alive, "server", name(1), "1")
		bus.frames <- frame(t, lifecycle.Shutdown, "server", name(2))
		time.Sleep(39 * time.Minute)
		shows(t, n, `lifecycle_tally_versions{component="server",version="1"} 2`, `lifecycle_tally_nodes_expired{component="server"} 0`)
		time.Sleep(time.Minute + time.Second)
		shows(t, n, `lifecycle_tally_versions{component="server",version="1"} 1`, `lifecycle_tally_nodes_expired{component="server"} 1`)
		if said := w.all(); said != nil {
			t.Error("the watchdog comes first, and yet it was said of", said)
		}
		time.Sleep(12 * time.Second)
		if said := w.all(); !slices.Equal(said, []string{name(0)}) {
			t.Error(said)
		}
		shows(t, n, `lifecycle_tally_alive_missed_total{component="server"} 1`)
		// The other one's is spoken of by somebody else.
		time.Sleep(40*time.Minute - 10*time.Second)
		shows(t, n, `lifecycle_tally_nodes_expired{component="server"} 2`)
		notice, err := gap.Notice{Node: gap.Node{Component: "server", Identity: name(1)}}.Control(message.Header{ServiceName: "watchdog", ServiceID: "ts1", Transaction: "T"}, gap.Horizon).Frame()
		if err != nil {
			t.Fatal(err)
		}
		bus.frames <- notice
		time.Sleep(time.Hour)
		if said := w.all(); len(said) != 1 {
			t.Error("what was heard was said again:", said)
		}
		// One that is back is counted anew.
		bus.frames <- frame(t, lifecycle.Alive, "server", name(0), "2")
		time.Sleep(time.Second)
		shows(t, n, `lifecycle_tally_versions{component="server",version="1"} 0`, `lifecycle_tally_versions{component="server",version="2"} 1`)
	})
}

func TestWhileTheBusIsAwayNobodyIsSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, bus := newTally(t, Options{}), newWire()
		end := running(t, n, bus)
		defer end()
		bus.frames <- frame(t, lifecycle.Startup, "server", "c1", "1")
		time.Sleep(30 * time.Minute)
		bus.away.Store(true)
		time.Sleep(3 * time.Hour)
		bus.away.Store(false)
		time.Sleep(49 * time.Minute)
		shows(t, n, `lifecycle_tally_versions{component="server",version="1"} 1`)
		time.Sleep(2 * time.Minute)
		shows(t, n, `lifecycle_tally_versions{component="server",version="1"} 0`)
	})
}

func TestABrokenBusDoesNotMakeAFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w words
		n, bus := newTally(t, Options{Say: w.say}), newWire()
		end := running(t, n, bus)
		defer end()
		for i := range 250 {
			bus.frames <- frame(t, lifecycle.Startup, "server", name(i), "1")
		}
		time.Sleep(gap.Horizon + 4*time.Second) // before anybody of our rank speaks
		synctest.Wait()
		for want := 0; want < 250; {
			time.Sleep(time.Second)
			synctest.Wait()
			got := len(w.all())
			if got-want > noticesABeat {
				t.Fatalf("%d notices in a second", got-want)
			}
			if got == want && want > 0 {
				t.Fatalf("%d of 250 were said", got)
			}
			want = got
		}
	})
}

func TestNothingIsSaidOfANodeThatIsBack(t *testing.T) {
	var w words
	n := newTally(t, Options{Say: w.say})
	n.Take(frame(t, lifecycle.Alive, "server", "back", "1"), time.Now())
	rest := n.say([]gap.Notice{{Node: gap.Node{Component: "server", Identity: "back"}}, {Node: gap.Node{Component: "server", Identity: "gone"}}})
	if len(rest) != 0 || !slices.Equal(w.all(), []string{"gone"}) {
		t.Error(rest, w.all())
	}
	w.fault = errors.New("bus is full")
	if rest := n.say([]gap.Notice{{Node: gap.Node{Component: "server", Identity: "gone"}}}); len(rest) != 0 {
		t.Error("a notice that cannot be said is not said later:", rest)
	}
	shows(t, n, `lifecycle_tally_alive_missed_total{component="server"} 1`)
}

func TestARunEndsWithItsBus(t *testing.T) {
	n, bus := newTally(t, Options{}), newWire()
	close(bus.frames)
	if err := n.Run(t.Context(), bus); !errors.Is(err, errClosed) {
		t.Error(err)
	}
}

func TestManyNodesAtOnceAreAllCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, bus := newTally(t, Options{}), newWire()
		end := running(t, n, bus)
		defer end()
		for i := range 5000 {
			bus.frames <- frame(t, lifecycle.Startup, "server", name(i), fmt.Sprint(i%3))
		}
		synctest.Wait()
		shows(t, n, `lifecycle_tally_good_events{component="server"} 5000`, `lifecycle_tally_versions{component="server",version="2"} 1666`)
		if !strings.Contains(scrape(t, n), `processing_time_count{component="server"} 5000`) {
			t.Error("not every one was measured")
		}
	})
}
