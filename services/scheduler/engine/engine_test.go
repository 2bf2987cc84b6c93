package engine

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"zmicroservices/services/scheduler/peer"
	"zmicroservices/services/scheduler/registry"
)

// after lets time pass, and what is due happen.
func after(d time.Duration) {
	wait(context.Background(), d)
	synctest.Wait()
}

func TestANewHostIsKnownToAllWithinTwoIntervals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := newNetwork()
		first := func(o *Options) { o.First, o.Jitter = []peer.Address{address(1)}, 20*time.Second }
		nodes := []*node{net.node(t, address(1), nil)}
		for i := 2; i <= 5; i++ {
			nodes = append(nodes, net.node(t, address(i), first))
		}
		stop := run(t, nodes...)
		defer func() { stop() }()
		after(3 * time.Minute)
		late := net.node(t, address(6), first)
		stopLate := run(t, late)
		defer stopLate()
		after(2 * time.Minute)
		for _, d := range nodes {
			if k, ok := d.find(late.UUID()); !ok || k.Availability != Available || k.IP != address(6) {
				t.Errorf("%s knows %v of it", *d.at.Load(), k)
			}
			if k, ok := late.find(d.UUID()); !ok || k.Availability != Available {
				t.Errorf("it knows %v of %s", k, *d.at.Load())
			}
		}
	})
}

func TestAHostIsCutOffAndHealed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := newNetwork()
		a := net.node(t, address(1), nil)
		b := net.node(t, address(2), func(o *Options) { o.First = []peer.Address{address(1)} })
		stop := run(t, a, b)
		defer func() { stop() }()
		after(time.Second)
		net.mu.Lock()
		net.cut = func(_, _ peer.Address) bool { return true }
		net.mu.Unlock()
		cut := time.Now()
		after(2 * time.Minute)
		k, _ := a.find(b.UUID())
		if k.Availability != Unavailable || k.Since.Before(cut) || !k.LastSeen.Before(cut) || k.Reason != errCut.Error() {
			t.Errorf("cut off: %+v", k)
		}
		net.mu.Lock()
		net.cut = nil
		net.mu.Unlock()
		after(time.Minute)
		if k, _ := a.find(b.UUID()); k.Availability != Available || k.Reason != "" {
			t.Errorf("healed: %+v", k)
		}
		var kinds []string
		for len(a.events) > 0 {
			kinds = append(kinds, string((<-a.events).Kind))
		}
		if got := strings.Join(kinds, " "); got != "peer_known peer_available peer_unavailable peer_available" {
			t.Errorf("events %s", got)
		}
	})
}

func TestTwoHalvesJoin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := newNetwork()
		net.cut = func(a, b peer.Address) bool { return (a <= address(3)) != (b <= address(3)) }
		var nodes []*node
		for i := 1; i <= 6; i++ {
			nodes = append(nodes, net.node(t, address(i), func(o *Options) {
				o.First = []peer.Address{address(1), address(4)}
			}))
		}
		stop := run(t, nodes...)
		defer func() { stop() }()
		after(2 * time.Minute)
		if n := len(nodes[0].table.targets()); n != 2 {
			t.Fatalf("apart, one of them knows %d", n)
		}
		net.mu.Lock()
		net.cut = nil
		net.mu.Unlock()
		after(2*time.Minute + time.Second)
		for _, d := range nodes {
			for _, k := range d.Peers() {
				if k.Availability != Available {
					t.Errorf("%s: %+v", *d.at.Load(), k)
				}
			}
			if n := len(d.table.targets()); n != 5 {
				t.Errorf("%s knows %d of 5", *d.at.Load(), n)
			}
		}
	})
}

func TestConsumersLearnAnAddressAtTheNextSync(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := newNetwork()
		var nodes []*node
		for i := 1; i <= 4; i++ {
			nodes = append(nodes, net.node(t, address(i), func(o *Options) { o.First = []peer.Address{address(1), address(2)} }))
		}
		stop := run(t, nodes...)
		defer func() { stop() }()
		after(2 * time.Minute)
		nodes[0].move("10.9.9.9:8090")
		after(time.Minute + time.Second)
		for _, d := range nodes[1:] {
			if k, _ := d.find(nodes[0].UUID()); k.IP != "10.9.9.9:8090" || k.Availability != Available {
				t.Errorf("%s: %+v", *d.at.Load(), k)
			}
		}
	})
}

func TestTwoSchedulersOfOneStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := newNetwork()
		shared := registry.NewMemory()
		both := func(o *Options) { o.Registry, o.First = shared, []peer.Address{address(3)} }
		a, b, other := net.node(t, address(1), both), net.node(t, address(2), both), net.node(t, address(3), nil)
		if a.UUID() != b.UUID() {
			t.Fatal("two identities in one registry")
		}
		ctxA, killA := context.WithCancel(context.Background())
		var ended sync.WaitGroup
		dead := &unreachable{Registry: shared}
		a.o.Registry = dead
		ended.Go(func() { _ = a.Run(ctxA) })
		after(time.Second)
		stop := run(t, b)
		defer stop()
		after(5 * time.Minute)
		if !a.Leads() || b.Leads() {
			t.Fatalf("leads: %v, %v", a.Leads(), b.Leads())
		}
		if _, is := b.find(other.UUID()); !is {
			t.Error("who stands by does not know what the leader has learned")
		}
		before := net.calls.Load()
		after(time.Minute)
		if n := net.calls.Load() - before; n != 1 {
			t.Errorf("%d calls in an interval, want the leader's one", n)
		}
		// It dies without a word: its lease is not given back.
		dead.set(true)
		killA()
		ended.Wait()
		after(2 * time.Minute)
		if !b.Leads() {
			t.Error("nobody has taken over within two intervals")
		}
		if k, _ := other.find(b.UUID()); k.IP != address(2) {
			t.Errorf("the other knows %+v", k)
		}
		dead.set(false)
	})
}

// unreachable is a registry that may be away.
type unreachable struct {
	registry.Registry
	mu   sync.Mutex // guards away
	away bool
}

var errAway = errors.New("registry: connection refused")

func (u *unreachable) set(away bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.away = away
}

func (u *unreachable) err() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.away {
		return errAway
	}
	return nil
}

func (u *unreachable) Lead(ctx context.Context, holder string, ttl time.Duration) (registry.Lease, error) {
	if err := u.err(); err != nil {
		return registry.Lease{}, err
	}
	return u.Registry.Lead(ctx, holder, ttl)
}

func (u *unreachable) Resign(ctx context.Context, lease registry.Lease) error {
	if err := u.err(); err != nil {
		return err
	}
	return u.Registry.Resign(ctx, lease)
}

func (u *unreachable) Peers(ctx context.Context, kind peer.Kind) ([]peer.Peer, error) {
	if err := u.err(); err != nil {
		return nil, err
	}
	return u.Registry.Peers(ctx, kind)
}

func (u *unreachable) Note(ctx context.Context, kind peer.Kind, peers []peer.Peer) error {
	if err := u.err(); err != nil {
		return err
	}
	return u.Registry.Note(ctx, kind, peers)
}

func TestARegistryThatIsAwayCostsNothingThatWasLearned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := newNetwork()
		store := &unreachable{Registry: registry.NewMemory()}
		a := net.node(t, address(1), func(o *Options) { o.Registry, o.First = store, []peer.Address{address(2)} })
		b := net.node(t, address(2), nil)
		stop := run(t, a, b)
		defer func() { stop() }()
		after(30 * time.Second)
		store.set(true)
		c := net.node(t, address(3), func(o *Options) { o.First = []peer.Address{address(1)} })
		c.Round(t.Context()) // a call is answered meanwhile
		if k, ok := a.find(c.UUID()); !ok || k.Availability != Available {
			t.Fatalf("a knows %+v", k)
		}
		after(3 * time.Minute)
		if a.Leads() {
			t.Error("it leads without a lease")
		}
		store.set(false)
		after(time.Minute)
		kept, err := store.Peers(t.Context(), peer.Consumer)
		if err != nil || len(kept) != 2 {
			t.Errorf("the registry has %v %v, want b and c", kept, err)
		}
	})
}

func TestAnEmptiedRegistryGetsBackWhatWasInIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := newNetwork()
		store := &replaced{Registry: registry.NewMemory()}
		a := net.node(t, address(1), func(o *Options) { o.Registry = store })
		b := net.node(t, address(2), nil)
		if err := a.HearAddress(t.Context(), peer.Call{UUID: b.UUID()}, netip.MustParseAddr("10.0.0.2")); err != nil {
			t.Fatal(err)
		}
		id := a.UUID()
		store.Registry = registry.NewMemory()
		net.cut = func(_, _ peer.Address) bool { return true } // who cannot be reached is given back, too
		a.Round(t.Context())
		if got, err := store.Identity(t.Context(), uuid.New()); err != nil || got != id {
			t.Errorf("identity %v %v, was %v", got, err, id)
		}
		if kept, _ := store.Peers(t.Context(), peer.Consumer); len(kept) != 1 || kept[0].UUID != b.UUID() {
			t.Errorf("peers %v", kept)
		}
		// Whom somebody removes while others are there stays away.
		c := uuid.New()
		if err := store.Note(t.Context(), peer.Consumer, []peer.Peer{{UUID: c, IP: "10.0.0.3", LastSeen: time.Now()}}); err != nil {
			t.Fatal(err)
		}
		a.Round(t.Context())
		if err := store.Forget(t.Context(), peer.Consumer, []uuid.UUID{c}); err != nil {
			t.Fatal(err)
		}
		a.Round(t.Context())
		if k, ok := a.find(c); ok {
			t.Errorf("who was removed is still %+v", k)
		}
	})
}

type replaced struct{ registry.Registry }

func TestWhoIsNotSeenForLongIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := newNetwork()
		a := net.node(t, address(1), func(o *Options) { o.Forget = time.Hour })
		id := uuid.New()
		if err := a.HearAddress(t.Context(), peer.Call{UUID: id, IP: "10.0.0.2"}, netip.MustParseAddr("10.0.0.2")); err != nil {
			t.Fatal(err)
		}
		stop := run(t, a)
		defer func() { stop() }()
		after(50 * time.Minute)
		if _, ok := a.find(id); !ok {
			t.Fatal("it is forgotten too early")
		}
		after(20 * time.Minute)
		if _, ok := a.find(id); ok {
			t.Error("it is not forgotten")
		}
		if kept, _ := a.registry.Peers(t.Context(), peer.Consumer); len(kept) != 0 {
			t.Errorf("the registry has %v", kept)
		}
	})
}

func TestWhatIsLearned(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	self, known, other := uuid.New(), uuid.New(), uuid.New()
	said := func(id uuid.UUID, at peer.Address, seen time.Duration) peer.Peer {
		return peer.Peer{UUID: id, IP: at, LastSeen: now.Add(seen)}
	}
	for name, c := range map[string]struct {
		said  peer.Peer
		local bool
		want  map[uuid.UUID]peer.Address
	}{
		"one more":                 {said(other, "10.0.0.2", -time.Hour), false, map[uuid.UUID]peer.Address{known: "10.0.0.1", other: "10.0.0.2"}},
		"a newer address":          {said(known, "10.0.0.9", -time.Second), false, map[uuid.UUID]peer.Address{known: "10.0.0.9"}},
		"an older address":         {said(known, "10.0.0.9", -time.Hour), false, map[uuid.UUID]peer.Address{known: "10.0.0.1"}},
		"ourselves":                {said(self, "10.0.0.9", 0), false, map[uuid.UUID]peer.Address{known: "10.0.0.1"}},
		"one seen long ago":        {said(other, "10.0.0.9", -1000*time.Hour), false, map[uuid.UUID]peer.Address{known: "10.0.0.1"}},
		"a loopback address":       {said(other, "127.0.0.1:9", 0), false, map[uuid.UUID]peer.Address{known: "10.0.0.1"}},
		"a loopback address of us": {said(other, "127.0.0.1:9", 0), true, map[uuid.UUID]peer.Address{known: "10.0.0.1", other: "127.0.0.1:9"}},
	} {
		e, err := New(Options{Registry: registry.NewMemory(), Transport: &node{}, Logger: newNetwork().node(t, address(1), nil).o.Logger, Forget: 100 * time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		e.table.self = self
		e.table.learn([]peer.Peer{said(known, "10.0.0.1", -time.Minute)}, false, now)
		e.table.learn([]peer.Peer{c.said}, c.local, now)
		got := map[uuid.UUID]peer.Address{}
		for _, k := range e.Peers() {
			got[k.UUID] = k.IP
			if k.LastSeen.After(now) {
				t.Errorf("%s: seen in the future", name)
			}
		}
		for id, at := range c.want {
			if got[id] != at {
				t.Errorf("%s: %v, want %v", name, got, c.want)
			}
		}
		if len(got) != len(c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
	// A clock that is ahead does not win for ever.
	e := newNetwork().node(t, address(1), nil)
	e.table.learn([]peer.Peer{said(other, "10.0.0.2", 1000*time.Hour)}, false, now)
	e.table.learn([]peer.Peer{said(other, "10.0.0.3", time.Second)}, false, now.Add(time.Minute))
	if k, _ := e.find(other); k.IP != "10.0.0.3" {
		t.Errorf("%+v", k)
	}
}

func TestThereIsRoomForSoMany(t *testing.T) {
	e := newNetwork().node(t, address(1), func(o *Options) { o.Most = 2 })
	from := netip.MustParseAddr("10.0.0.9")
	var ids []uuid.UUID
	for range 2 {
		ids = append(ids, uuid.New())
		if _, err := e.Hear(t.Context(), peer.Call{UUID: ids[len(ids)-1]}, from); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := e.Hear(t.Context(), peer.Call{UUID: uuid.New()}, from); !errors.Is(err, ErrFull) {
		t.Errorf("a third: %v", err)
	}
	if _, err := e.Hear(t.Context(), peer.Call{UUID: ids[0]}, from); err != nil {
		t.Errorf("one of the two: %v", err)
	}
	e.table.learn([]peer.Peer{{UUID: uuid.New(), IP: "10.0.0.3", LastSeen: time.Now()}}, false, time.Now())
	if n := len(e.Peers()); n != 2 {
		t.Errorf("%d are known", n)
	}
}

// Who makes up uuids fills the table until a round has found that they answer nowhere;
// from then on they give way to who calls, in the registry as well, but not to hearsay.
func TestWhoNeverAnsweredGivesWay(t *testing.T) {
	net := newNetwork()
	b := net.node(t, address(2), nil)
	a := net.node(t, address(1), func(o *Options) { o.Most = 3 })
	from := netip.MustParseAddr("10.0.0.9")
	call := func(at peer.Address) (uuid.UUID, error) {
		id := uuid.New()
		if at == address(2) {
			id = b.UUID()
		}
		_, err := a.Hear(t.Context(), peer.Call{UUID: id, IP: at}, from)
		return id, err
	}
	var made []uuid.UUID
	for range 2 {
		id, err := call("10.9.9.9")
		if err != nil {
			t.Fatal(err)
		}
		made = append(made, id)
	}
	if _, err := call(address(2)); err != nil {
		t.Fatal(err)
	}
	a.Round(t.Context())
	a.table.learn([]peer.Peer{{UUID: uuid.New(), IP: "10.0.0.3", LastSeen: time.Now()}}, false, time.Now())
	for _, id := range made {
		if _, is := a.find(id); !is {
			t.Error("one gave way to hearsay")
		}
	}
	for range 2 {
		if _, err := call("10.0.0.4"); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := call("10.0.0.5"); !errors.Is(err, ErrFull) {
		t.Errorf("nobody is left to give way, but: %v", err)
	}
	a.Round(t.Context())
	kept, err := a.registry.Peers(t.Context(), peer.Consumer)
	if err != nil || len(kept) != 3 {
		t.Errorf("the registry has %v %v", kept, err)
	}
	for _, id := range made {
		if _, is := a.find(id); is {
			t.Error("one that was made up is still known")
		}
	}
	if k, is := a.find(b.UUID()); !is || k.Availability != Available {
		t.Errorf("who answers: %+v", k)
	}
}

// Whom we heard of while the registry told what it knows is not taken for one that
// somebody has removed there.
func TestWhoCallsWhileTheRegistryIsRead(t *testing.T) {
	e := newNetwork().node(t, address(1), nil)
	asked := time.Now()
	other := peer.Peer{UUID: uuid.New(), IP: "10.0.0.3", LastSeen: asked}
	id := uuid.New()
	if err := e.HearAddress(t.Context(), peer.Call{UUID: id, IP: "10.0.0.2"}, netip.MustParseAddr("10.0.0.2")); err != nil {
		t.Fatal(err)
	}
	e.table.restore([]peer.Peer{other}, true, asked, time.Now())
	if _, is := e.find(id); !is {
		t.Error("it is forgotten")
	}
	e.table.restore([]peer.Peer{other}, true, time.Now().Add(time.Second), time.Now())
	if _, is := e.find(id); is {
		t.Error("it is not forgotten")
	}
}

func TestWhoCallsIsHeard(t *testing.T) {
	e := newNetwork().node(t, "10.0.0.1:8090", nil)
	a := uuid.New()
	answer, err := e.Hear(t.Context(), peer.Call{UUID: a}, netip.MustParseAddr("::ffff:10.0.0.7"))
	if err != nil || answer.UUID != e.UUID() || answer.IP != "10.0.0.1:8090" || len(answer.Consumers) != 1 || answer.Consumers[0].IP != "10.0.0.7" {
		t.Errorf("%+v %v", answer, err)
	}
	if _, err := e.Hear(t.Context(), peer.Call{UUID: a, IP: "127.0.0.1:9"}, netip.MustParseAddr("10.0.0.7")); !errors.Is(err, ErrAddress) {
		t.Errorf("a loopback address from elsewhere: %v", err)
	}
	if _, err := e.Hear(t.Context(), peer.Call{UUID: a, IP: "127.0.0.1:9"}, netip.MustParseAddr("::1")); err != nil {
		t.Errorf("one of our own host: %v", err)
	}
	for from, want := range map[string]int{"::1": 2, "10.0.0.8": 1} { // who is at a loopback address is told to our host alone
		if _, err := e.Hear(t.Context(), peer.Call{UUID: uuid.MustParse("6ba7b810-9dad-11d1-80b4-00c04fd430c8"), IP: "127.0.0.1:7"}, netip.MustParseAddr("::1")); err != nil {
			t.Fatal(err)
		}
		answer, err := e.Hear(t.Context(), peer.Call{UUID: a, IP: "10.0.0.8"}, netip.MustParseAddr(from))
		if err != nil || len(answer.Consumers) != want {
			t.Errorf("told to %s: %+v %v", from, answer.Consumers, err)
		}
	}
	if _, err := e.Hear(t.Context(), peer.Call{UUID: e.UUID(), IP: "10.0.0.3"}, netip.MustParseAddr("10.0.0.3")); err != nil {
		t.Error(err)
	}
	if _, ok := e.find(e.UUID()); ok {
		t.Error("it knows itself")
	}
}

func TestAFirstPeer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := newNetwork()
		a := net.node(t, address(1), func(o *Options) {
			o.First = []peer.Address{address(1), address(2), "10.7.7.7", "10.8.8.8"}
			o.Details = true
		})
		b := net.node(t, address(2), nil)
		a.o.Transport = strange{a, "10.8.8.8"}
		a.Round(t.Context())
		all := a.Peers()
		if len(all) != 3 {
			t.Fatalf("known are %+v", all)
		}
		if k := all[0]; k.UUID != b.UUID() || k.Availability != Available || k.Name != "host-10.0.0.2" {
			t.Errorf("b: %+v", k)
		}
		if k := all[1]; k.IP != "10.7.7.7" || k.Availability != Unavailable || k.UUID != uuid.Nil {
			t.Errorf("nobody: %+v", k)
		}
		if k := all[2]; k.IP != "10.8.8.8" || k.Availability != Available || k.UUID != uuid.Nil {
			t.Errorf("one of another make: %+v", k)
		}
	})
}

// strange answers at one address as a peer of another make: with nothing.
type strange struct {
	*node
	at peer.Address
}

func (s strange) Sync(ctx context.Context, to peer.Address, call peer.Call) (peer.Answer, error) {
	if to == s.at {
		return peer.Answer{}, nil
	}
	return s.node.Sync(ctx, to, call)
}

func TestAnotherPeerAtAnAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := newNetwork()
		a, b, c := net.node(t, address(1), nil), net.node(t, address(2), nil), net.node(t, address(3), nil)
		a.table.learn([]peer.Peer{{UUID: b.UUID(), IP: address(2), LastSeen: time.Now()}}, false, time.Now())
		net.mu.Lock()
		net.nodes[address(2)] = c // it has taken b's address
		net.mu.Unlock()
		after(time.Second)
		a.Round(t.Context())
		if k, _ := a.find(b.UUID()); k.Availability != Unavailable || !strings.Contains(k.Reason, c.UUID().String()) {
			t.Errorf("b: %+v", k)
		}
		if k, _ := a.find(c.UUID()); k.Availability != Available || k.IP != address(2) {
			t.Errorf("c: %+v", k)
		}
	})
}

func TestRoundsDoNotOverlap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := newNetwork()
		net.latency = 4 * time.Minute
		a := net.node(t, address(1), func(o *Options) { o.First, o.Timeout = []peer.Address{address(2)}, time.Hour })
		net.node(t, address(2), nil)
		stop := run(t, a)
		after(10 * time.Minute)
		if n := net.calls.Load(); n > 3 {
			t.Errorf("%d calls of 4 minutes within 10", n)
		}
		stop() // in mid-call
	})
}

func TestOptionsAreChecked(t *testing.T) {
	good := func() Options {
		n := newNetwork().node(t, address(1), nil)
		return Options{Registry: registry.NewMemory(), Transport: n, Logger: n.o.Logger}
	}
	if _, err := New(good()); err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(*Options){
		"no Registry":  func(o *Options) { o.Registry = nil },
		"no Transport": func(o *Options) { o.Transport = nil },
		"no Logger":    func(o *Options) { o.Logger = nil },
		"interval 1ms": func(o *Options) { o.Interval = time.Millisecond },
		"interval 48h": func(o *Options) { o.Interval = 48 * time.Hour },
		"jitter 31s":   func(o *Options) { o.Jitter = 31 * time.Second },
		"negative":     func(o *Options) { o.Most = -1 },
	} {
		o := good()
		change(&o)
		if _, err := New(o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q: %v", want, err)
		}
	}
}
