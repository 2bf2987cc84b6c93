package engine

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"zmicroservices/services/scheduler/peer"
	"zmicroservices/services/scheduler/registry"
)

// ears is a producer that may be deaf.
type ears struct {
	mu    sync.Mutex // guards the rest
	deaf  bool
	asked int
	heard []peer.Address
}

func (e *ears) hear(c peer.Call) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.asked++
	if e.deaf {
		return errors.New("503 Service Unavailable")
	}
	e.heard = append(e.heard, c.IP)
	return nil
}

func (e *ears) set(deaf bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.deaf = deaf
}

func (e *ears) got() []peer.Address {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.heard)
}

func TestProducersAreToldOfAChangeAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := newNetwork()
		var configured, registered ears
		net.producers["10.5.0.1"], net.producers["10.5.0.2"] = configured.hear, registered.hear
		a := net.node(t, address(1), func(o *Options) { o.Producers = []peer.Address{"10.5.0.1", "10.5.0.2"} })
		if err := a.registry.Note(t.Context(), peer.Producer, []peer.Peer{{UUID: uuid.New(), IP: "10.5.0.2", LastSeen: time.Now()}}); err != nil {
			t.Fatal(err)
		}
		stop := run(t, a)
		a.Moved("10.0.0.1")
		after(10 * time.Minute)
		if len(configured.got())+len(registered.got()) != 0 {
			t.Fatal("told of an address that has not changed")
		}
		at := time.Now()
		a.move("10.0.0.9")
		a.Moved("10.0.0.9")
		a.Moved("10.0.0.9")
		after(time.Second)
		for _, e := range []*ears{&configured, &registered} {
			if got := e.got(); !slices.Equal(got, []peer.Address{"10.0.0.9"}) {
				t.Errorf("within %v heard %v", time.Since(at), got)
			}
		}
		if e := <-a.events; e.Kind != AddressChanged || e.Old != "10.0.0.1" || e.New != "10.0.0.9" || e.Peer.UUID != a.UUID() {
			t.Errorf("event %+v", e)
		}
		a.Moved("") // the cable is out: there is nobody to tell
		a.Moved("10.0.0.9")
		after(time.Minute)
		if n := len(configured.got()); n != 1 {
			t.Errorf("told %d times", n)
		}
		stop()
		if own, err := a.registry.Own(t.Context()); err != nil || own != (registry.Own{Addresses: "10.0.0.9", Told: true}) {
			t.Errorf("own %+v %v", own, err)
		}
	})
}

func TestADeafProducerIsToldUntilItHearsOrNewsSupersede(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := newNetwork()
		var good, deaf ears
		net.producers["10.5.0.1"], net.producers["10.5.0.2"] = good.hear, deaf.hear
		a := net.node(t, address(1), func(o *Options) { o.Producers = []peer.Address{"10.5.0.1", "10.5.0.2"} })
		stop := run(t, a)
		defer func() { stop() }()
		move := func(at peer.Address) {
			a.move(at)
			a.Moved(string(at))
		}
		move("10.0.0.1")
		after(time.Second)
		deaf.set(true)
		move("10.0.0.2")
		after(10 * time.Minute)
		deaf.mu.Lock()
		if deaf.asked < 10 || deaf.asked > 40 {
			t.Errorf("a deaf one was asked %d times in 10 minutes", deaf.asked)
		}
		deaf.mu.Unlock()
		move("10.0.0.3") // supersedes
		after(time.Minute)
		deaf.set(false)
		after(time.Minute)
		if got := deaf.got(); !slices.Equal(got, []peer.Address{"10.0.0.3"}) {
			t.Errorf("it heard %v, want the newest alone", got)
		}
		if got := good.got(); !slices.Equal(got, []peer.Address{"10.0.0.2", "10.0.0.3"}) {
			t.Errorf("the other heard %v", got)
		}
	})
}

func TestWhatWasNotToldBeforeTheEndIsToldAfterwards(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := newNetwork()
		shared := registry.NewMemory()
		var producer ears
		producer.set(true)
		net.producers["10.5.0.1"] = producer.hear
		options := func(o *Options) { o.Registry, o.Producers = shared, []peer.Address{"10.5.0.1"} }
		a := net.node(t, address(1), options)
		stop := run(t, a)
		a.Moved("10.0.0.1")
		after(time.Second)
		a.Moved("10.0.0.2")
		after(time.Second)
		stop()
		producer.set(false)
		b := net.node(t, address(2), options)
		stop = run(t, b)
		defer func() { stop() }()
		b.Moved("10.0.0.2")
		after(time.Second)
		if got := producer.got(); len(got) != 1 {
			t.Errorf("heard %v", got)
		}
	})
}
