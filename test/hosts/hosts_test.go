package hosts

import (
	"slices"
	"testing"
	"time"
)

// slack is by how much a machine that does everything else first may exceed a bound,
// which is told all the same.
const slack = 15

// within tells a figure, and fails where it is far beyond its bound.
func within(t *testing.T, what string, took, bound time.Duration) {
	t.Helper()
	t.Logf("%s: %v (bound %v)", what, took.Round(time.Millisecond), bound)
	if took > slack*bound {
		t.Errorf("%s took %v, which is more than %d times %v", what, took, slack, bound)
	}
}

func TestANewHostIsKnownToAll(t *testing.T) {
	t.Parallel()
	n := newNetwork(t)
	all := hostsAt(t, n, east, 1, 4, "")
	within(t, "four hosts reach each other after the last has started", until(t, "four hosts", allReach(all)), 2*interval)
	at := n.plug(east, 5)
	began := time.Now()
	fifth := run(t, at, "--peer", all[3].address()) // which is not whom the others began with
	all = append(all, fifth)
	until(t, "the fifth host", each(all, []*host{fifth}, func(a, b *host) bool { return a.sees(b).IP == b.address() }))
	within(t, "the fifth is known to all", time.Since(began), 2*interval)
	until(t, "five hosts", allReach(all))
}

func TestAHostThatMoves(t *testing.T) {
	for name, v6 := range map[string]bool{"IPv4": false, "IPv6": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := newNetwork(t)
			n.v6 = v6
			producers := []*producer{produce(t, n.plug(east, 101)), produce(t, n.plug(west, 102))}
			all := hostsAt(t, n, east, 1, 4, "")
			mover := run(t, n.plug(west, 5), "--peer", all[0].address(), "--producer", producers[0].address(), "--producer", producers[1].address())
			until(t, "five hosts", allReach(append(slices.Clone(all), mover)))
			for i, p := range producers {
				select {
				case call := <-p.told:
					t.Errorf("producer %d was told %s before anything had changed", i+1, call.IP)
				default:
				}
			}
			began := time.Now() // the address is another one a moment later
			mover.move(55)
			for i, p := range producers {
				within(t, []string{"first", "second"}[i]+" producer is told", p.hears(t, mover).Sub(began), time.Second)
			}
			until(t, "the new address", each(all, []*host{mover}, (*host).reaches))
			within(t, "all consumers have the new address", time.Since(began), interval)
			until(t, "five hosts again", allReach(append(slices.Clone(all), mover)))
		})
	}
}

func TestAHostIsCutOffAndComesBack(t *testing.T) {
	t.Parallel()
	n := newNetwork(t)
	all := hostsAt(t, n, east, 1, 5, "")
	until(t, "five hosts", allReach(all))
	rest, one := all[:4], all[4:]
	one[0].cut()
	until(t, "that it is gone", each(rest, one, (*host).misses))
	until(t, "that all others are gone", each(one, rest, (*host).misses))
	if !each(rest, rest, (*host).reaches)() {
		t.Error("the others miss each other, too")
	}
	one[0].heal()
	within(t, "all reach each other again", until(t, "five hosts again", allReach(all)), 2*interval)
}

func TestTwoHalvesOfTheNetwork(t *testing.T) {
	t.Parallel()
	n := newNetwork(t)
	n.split()
	easterners := hostsAt(t, n, east, 1, 3, "")
	westerners := []*host{run(t, n.plug(west, 4), "--peer", easterners[0].address())}
	westerners = append(westerners, hostsAt(t, n, west, 5, 1, westerners[0].address())...)
	all := append(slices.Clone(easterners), westerners...)
	until(t, "two halves", func() bool { return allReach(easterners)() && allReach(westerners)() })
	if k := easterners[1].sees(westerners[1]); k.UUID != "" {
		t.Errorf("east knows %+v, which nobody can have told it", k)
	}
	n.join()
	within(t, "the halves know each other", until(t, "one network", allReach(all)), 3*interval)
	n.split()
	until(t, "two halves again", func() bool {
		return each(easterners, westerners, (*host).misses)() && each(westerners, easterners, (*host).misses)()
	})
	westerners[1].move(55) // of which the east cannot hear
	until(t, "the west's new address", allReach(westerners))
	n.join()
	within(t, "the halves know each other again, and who moved", until(t, "one network again", allReach(all)), 3*interval)
}

func TestPacketsGetLost(t *testing.T) {
	t.Parallel()
	n := newNetwork(t)
	var all []*host
	for i := range 5 {
		at := n.plug(east, i+1)
		at.lose(10)
		first := at
		if i > 0 {
			first = all[0].place
		}
		all = append(all, run(t, at, "--peer", first.address())) // the first knows itself, which is nobody
	}
	t.Logf("all know each other after %v", until(t, "five hosts", each(all, all, func(a, b *host) bool { return a.sees(b).IP == b.address() })).Round(time.Millisecond))
	seen, good := 0, 0
	for end := time.Now().Add(5 * interval); time.Now().Before(end); <-time.After(interval / 4) {
		each(all, all, func(a, b *host) bool {
			seen++
			if a.reaches(b) {
				good++
			}
			return true
		})()
	}
	t.Logf("of %d looks at who reaches whom %.1f %% were good", seen, 100*float64(good)/float64(seen))
	until(t, "all reach each other, once", allReach(all))
	for _, a := range all {
		if k, err := a.peers(); err != nil || len(k.Peers) != 4 {
			t.Errorf("%s knows %v %v", a, k.Peers, err)
		}
	}
}
