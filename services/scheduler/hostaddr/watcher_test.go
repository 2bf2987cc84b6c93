package hostaddr

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"zmicroservices/services/scheduler/peer"
)

// world is a host whose addresses the test decides.
type world struct {
	mu      sync.Mutex // guards the rest
	v4, v6  string
	routes  map[string]string // of single peers
	told    []string
	asked   int
	words   chan struct{} // read by the watcher
	refused bool
}

func (w *world) route(to netip.Addr) netip.Addr {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked++
	text := w.v4
	if to.Is6() {
		text = w.v6
	}
	if own, ok := w.routes[to.String()]; ok {
		text = own
	}
	ip, _ := netip.ParseAddr(text)
	return ip
}

func (w *world) set(v4, v6 string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.v4, w.v6 = v4, v6
}

func (w *world) got() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.told)
}

func (w *world) watch(t *testing.T, change func(*Options)) *Watcher {
	t.Helper()
	o := Options{
		Logger: slog.New(slog.DiscardHandler), route: w.route,
		Changed: func(a string) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.told = append(w.told, a)
		},
		events: func(ctx context.Context) (<-chan struct{}, error) {
			if w.refused {
				return nil, errors.New("no netlink here")
			}
			out := make(chan struct{})
			go func() { // ends with ctx
				defer close(out)
				for {
					select {
					case <-w.words:
						out <- struct{}{}
					case <-ctx.Done():
						return
					}
				}
			}()
			return out, nil
		},
	}
	if change != nil {
		change(&o)
	}
	made, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- made.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return made
}

func after(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func TestAChangeIsToldAtOnceAndOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{v4: "10.0.0.1", words: make(chan struct{})}
		made := w.watch(t, nil)
		after(time.Second)
		w.words <- struct{}{} // a word that means nothing for us
		after(time.Minute)
		w.set("10.0.0.2", "fd00::2")
		at := time.Now()
		w.words <- struct{}{}
		synctest.Wait()
		if got := w.got(); !slices.Equal(got, []string{"10.0.0.1", "10.0.0.2 fd00::2"}) {
			t.Errorf("told %q after %v", got, time.Since(at))
		}
		// The route comes a moment after the address.
		w.words <- struct{}{}
		after(150 * time.Millisecond)
		w.set("10.0.0.3", "")
		after(500 * time.Millisecond)
		if got := w.got(); got[len(got)-1] != "10.0.0.3" {
			t.Errorf("told %q", got)
		}
		if made.Self("") != "10.0.0.3" || made.Self("10.0.0.9") != "10.0.0.3" {
			t.Errorf("self %s", made.Self(""))
		}
	})
}

func TestAMissedWordCostsAtMostAPoll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{v4: "10.0.0.1", refused: true}
		w.watch(t, nil)
		after(time.Second)
		w.set("10.0.0.2", "")
		after(30 * time.Second)
		w.set("", "")
		after(30 * time.Second)
		if got := w.got(); !slices.Equal(got, []string{"10.0.0.1", "10.0.0.2", ""}) {
			t.Errorf("told %q", got)
		}
	})
}

func TestTheAddressIsThatTowardsThePeers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{v4: "192.168.1.5", routes: map[string]string{"10.0.0.7": "10.0.0.3", "127.0.0.1": "127.0.0.1", "fd00::7": ""}}
		made := w.watch(t, func(o *Options) {
			o.Port = 8090
			o.Towards = func() []peer.Address { return []peer.Address{"127.0.0.1:9", "db1", "10.0.0.7:99", "fd00::7"} }
		})
		after(time.Second)
		if got := w.got(); !slices.Equal(got, []string{"10.0.0.3:8090"}) {
			t.Errorf("told %q", got)
		}
		for to, want := range map[peer.Address]peer.Address{"": "10.0.0.3:8090", "10.0.0.7:1": "10.0.0.3:8090", "10.9.9.9": "192.168.1.5:8090", "127.0.0.1:9": "127.0.0.1:8090", "fd00::7": "10.0.0.3:8090"} {
			if got := made.Self(to); got != want {
				t.Errorf("towards %q: %s, want %s", to, got, want)
			}
		}
		w.mu.Lock()
		asked := w.asked
		w.mu.Unlock()
		for range 100 {
			made.Self("10.0.0.7:1")
		}
		if w.asked != asked {
			t.Error("the kernel is asked each time")
		}
	})
}

// A host with two networks: peers that come to be known in the other one, before those
// that were known, do not change its address; the loss of it does.
func TestAPeerMoreIsNoChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{routes: map[string]string{"10.0.0.7": "10.0.0.3", "10.1.0.1": "10.1.0.3"}}
		var mu sync.Mutex // guards peers
		peers := []peer.Address{"10.0.0.7"}
		w.watch(t, func(o *Options) {
			o.Towards = func() []peer.Address {
				mu.Lock()
				defer mu.Unlock()
				return slices.Clone(peers)
			}
		})
		after(time.Second)
		mu.Lock()
		peers = []peer.Address{"10.1.0.1", "10.0.0.7"}
		mu.Unlock()
		after(time.Minute)
		if got := w.got(); !slices.Equal(got, []string{"10.0.0.3"}) {
			t.Errorf("told %q", got)
		}
		w.mu.Lock()
		w.routes["10.0.0.7"] = ""
		w.mu.Unlock()
		after(time.Minute)
		if got := w.got(); !slices.Equal(got, []string{"10.0.0.3", "10.1.0.3"}) {
			t.Errorf("told %q", got)
		}
	})
}

func TestAForcedAddressStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{v4: "10.0.0.1", words: make(chan struct{})}
		made := w.watch(t, func(o *Options) { o.Force = "203.0.113.9:8090" })
		after(time.Second)
		w.set("10.0.0.2", "")
		w.words <- struct{}{}
		after(time.Minute)
		if got := w.got(); !slices.Equal(got, []string{"203.0.113.9:8090"}) || made.Self("10.0.0.7") != "203.0.113.9:8090" {
			t.Errorf("told %q, self %s", got, made.Self("10.0.0.7"))
		}
	})
}

func TestTheKernelsOwnAnswer(t *testing.T) {
	if got := source(netip.MustParseAddr("127.0.0.1")); got != netip.MustParseAddr("127.0.0.1") {
		t.Errorf("towards loopback: %v", got)
	}
	if got := source(netip.MustParseAddr("0.0.0.0")); got.IsValid() && !got.IsLoopback() {
		t.Errorf("towards nobody: %v", got)
	}
}
