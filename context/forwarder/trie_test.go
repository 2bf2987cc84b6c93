package forwarder

import (
	"bytes"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// matching is what a node stands for.
func matching(n *node) (subs []*subscriber) {
	for ; n != nil; n = n.parent {
		for _, m := range n.members {
			if !slices.Contains(subs, m.sub) {
				subs = append(subs, m.sub)
			}
		}
	}
	return subs
}

// The tree finds what a look at every subscription would find, whatever was added
// and removed before, and keeps nothing when all is removed.
func TestTheTreeFindsWhatALookAtEverySubscriptionWould(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var tree trie
		subs := []*subscriber{{slot: 0}, {slot: 1}, {slot: 2}}
		all := map[*member][]byte{}
		prefix := rapid.SliceOfN(rapid.SampledFrom([]byte{'a', 'b', 0, 255}), 0, 6)
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			if len(all) > 0 && rapid.IntRange(0, 2).Draw(t, "what") == 0 {
				for m := range all {
					tree.remove(m)
					delete(all, m)
					break
				}
			} else {
				p := prefix.Draw(t, "prefix")
				all[tree.add(rapid.SampledFrom(subs).Draw(t, "sub"), p)] = p
			}
			message := prefix.Draw(t, "message")
			var want []*subscriber
			for m, p := range all {
				if bytes.HasPrefix(message, p) && !slices.Contains(want, m.sub) {
					want = append(want, m.sub)
				}
			}
			concerned := false
			for _, p := range all {
				concerned = concerned || bytes.HasPrefix(message, p) || bytes.HasPrefix(p, message)
			}
			if tree.concerns(message) != concerned {
				t.Fatalf("what begins with %q may match a subscription: %v", message, concerned)
			}
			got := matching(tree.match(message))
			for _, s := range subs {
				if slices.Contains(got, s) != slices.Contains(want, s) {
					t.Fatalf("subscriber %d matches %q: %v", s.slot, message, !slices.Contains(want, s))
				}
			}
		}
		for m := range all {
			tree.remove(m)
		}
		if tree.size != 0 || len(tree.root.kids) != 0 || len(tree.root.members) != 0 {
			t.Fatalf("left over: %+v", tree)
		}
	})
}

func TestARingIsAQueueWithTwoEnds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var r ring
		var want []int32
		for i := range int32(rapid.IntRange(1, 300).Draw(t, "steps")) {
			switch rapid.IntRange(0, 4).Draw(t, "what") {
			case 0:
				if len(want) > 0 {
					want = want[1:]
					r.popFront()
				}
			case 1:
				want = slices.Insert(want, 0, i)
				r.pushFront(span{off: i})
			default:
				want = append(want, i)
				r.pushBack(span{off: i})
			}
			if r.len() != len(want) {
				t.Fatalf("%d long, want %d", r.len(), len(want))
			}
			for k, w := range want {
				if r.at(k).off != w {
					t.Fatalf("%d at %d, want %d", r.at(k).off, k, w)
				}
			}
		}
	})
}

func TestATrimmedDepotKeepsWhatWasNeededLately(t *testing.T) {
	var d depot
	burst := make([]*chunk, 100)
	for range 3 {
		for i := range burst {
			burst[i] = d.get(bigChunk)
		}
		for _, c := range burst {
			c.drop()
		}
		d.trim()
		if len(d.big) != 100 {
			t.Fatalf("%d of 100 are left", len(d.big))
		}
	}
	for range 10 {
		d.trim()
	}
	if len(d.big) != 0 || d.live.Load() != 0 {
		t.Errorf("%d are left, %d bytes live", len(d.big), d.live.Load())
	}
}
