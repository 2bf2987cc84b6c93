package engine

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"zmicroservices/services/scheduler/registry"
)

// convergence is what it took until everybody knew everybody.
type convergence struct {
	peers   int
	rounds  int   // of each, until all know all
	calls   int64 // until then, of all
	steady  int64 // calls of a round afterwards
	names   int64 // consumers listed in answers until then
	restful int64 // and in the round afterwards
}

// converge runs n of the shipped engines. first says whom the i-th knows to begin with,
// kept is their registry, nil for one each.
func converge(t testing.TB, n int, first func(i int) []int, kept registry.Registry) convergence {
	net := newNetwork()
	if n > 1000 {
		net.latency = 0 // millions of timers would be what is measured
	}
	nodes := make([]*node, n)
	for i := range nodes {
		nodes[i] = net.node(t, address(i+1), func(o *Options) {
			o.Most = n
			if kept != nil {
				o.Registry = kept
			}
			for _, j := range first(i) {
				o.First = append(o.First, address(j+1))
			}
		})
	}
	complete := func() bool {
		for _, d := range nodes {
			d.table.mu.Lock()
			known := len(d.table.known)
			d.table.mu.Unlock()
			if known < n-1 {
				return false
			}
		}
		return true
	}
	round := func() {
		var all sync.WaitGroup
		for _, d := range nodes {
			all.Go(func() { d.Round(context.Background()) })
		}
		all.Wait()
		wait(context.Background(), time.Minute)
	}
	c := convergence{peers: n}
	for !complete() {
		if c.rounds++; c.rounds > 64 {
			t.Fatalf("%d peers do not converge", n)
		}
		round()
	}
	c.calls, c.names = net.calls.Load(), net.lists.Load()
	if n > 1000 {
		return c // a round at rest is as it is with fewer
	}
	round()
	c.steady, c.restful = net.calls.Load()-c.calls, net.lists.Load()-c.names
	for _, d := range nodes[:min(n, 50)] {
		for _, k := range d.Peers() {
			if k.Availability != Available {
				t.Errorf("%s is %s for %s", k.IP, k.Availability, *d.at.Load())
			}
		}
	}
	return c
}

// star: all know the first one. chain: each knows the one before it.
func star(i int) []int {
	if i == 0 {
		return nil
	}
	return []int{0}
}

func chain(i int) []int {
	if i == 0 {
		return nil
	}
	return []int{i - 1}
}

func TestEverybodyComesToKnowEverybody(t *testing.T) {
	for _, c := range []struct {
		name  string
		n     int
		first func(int) []int
		most  int // rounds
	}{
		{"star", 5, star, 2},
		{"star", 50, star, 2},
		{"chain", 5, chain, 3},
		{"chain", 50, chain, 6},
	} {
		synctest.Test(t, func(t *testing.T) {
			got := converge(t, c.n, c.first, nil)
			t.Logf("%s of %d: %d rounds, %d calls until then, %d consumers listed; then %d calls a round, %d listed",
				c.name, c.n, got.rounds, got.calls, got.names, got.steady, got.restful)
			if got.rounds > c.most {
				t.Errorf("%s of %d: %d rounds, at most %d", c.name, c.n, got.rounds, c.most)
			}
			if want := int64(c.n * (c.n - 1)); got.steady != want {
				t.Errorf("%s of %d: %d calls in a round at rest, want %d", c.name, c.n, got.steady, want)
			}
			if got.restful != 0 {
				t.Errorf("%s of %d: %d consumers listed to those who know them", c.name, c.n, got.restful)
			}
		})
	}
}
