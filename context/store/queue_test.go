package store

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// The queue against a model of it that remembers everything: nothing is written
// twice or out of order, of a key the latest is never lost, and a barrier that
// is told nil has everything before it in the file.
func TestTheQueueLosesOnlyWhatItSays(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		q := queue{limit: rapid.IntRange(1, 5).Draw(rt, "ring")}
		type fate struct {
			key  string
			done bool // written
		}
		var writes []*fate
		latest := map[string]int{}  // of each key, the place in writes
		written := map[string]int{} // of each key, the place of what is in the file
		var hand []entry
		lastPlain := 0
		// which finds the write that an entry is.
		which := func(e entry) int {
			err := e.write(nil)
			var n place
			if !errors.As(err, &n) {
				rt.Fatalf("not a write of ours: %v", err)
			}
			return int(n)
		}
		// through answers barriers as DB does.
		through := func(asked []barrier) {
			for _, b := range asked {
				if b.lost {
					b.done(ErrLost)
				} else {
					b.done(nil)
				}
			}
		}
		rt.Repeat(map[string]func(*rapid.T){
			"do": func(rt *rapid.T) {
				n := len(writes)
				writes = append(writes, &fate{})
				losses := q.losses
				if q.push("", func(*Tx) error { return place(n) }) != (q.losses > losses) {
					rt.Fatal("push and losses do not agree")
				}
			},
			"put": func(rt *rapid.T) {
				key := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(rt, "key")
				n := len(writes)
				writes = append(writes, &fate{key: key})
				latest[key] = n
				q.push(key, func(*Tx) error { return place(n) })
			},
			"barrier": func(rt *rapid.T) {
				// A loss that newer commits had left behind when it was asked is not its own.
				from, to := int(q.committed), len(writes)
				q.ask(func(err error) {
					if err != nil {
						return
					}
					for i := from; i < to; i++ {
						at, is := written[writes[i].key]
						if writes[i].key == "" && !writes[i].done || writes[i].key != "" && (!is || at < i) {
							rt.Fatalf("a barrier was told nil, and write %d before it is not in the file", i)
						}
					}
				}, rapid.Bool().Draw(rt, "patient"))
			},
			"take": func(rt *rapid.T) {
				if len(hand) > 0 {
					return
				}
				hand = slices.Clone(q.take(rapid.IntRange(1, 8).Draw(rt, "group")))
				merge(hand)
			},
			"commit": func(rt *rapid.T) {
				if len(hand) == 0 {
					return
				}
				var number uint64
				for _, e := range hand {
					number = max(number, e.number)
					if e.write == nil {
						continue
					}
					n := which(e)
					f := writes[n]
					if f.done {
						rt.Fatalf("write %d was made twice", n)
					}
					f.done = true
					if f.key == "" {
						if n < lastPlain {
							rt.Fatalf("write %d came after %d", n, lastPlain)
						}
						lastPlain = n
					} else if n < written[f.key] {
						rt.Fatalf("of %s the older was written after the newer", f.key)
					} else {
						written[f.key] = n
					}
				}
				hand = nil
				through(q.commit(number))
			},
			"fail": func(rt *rapid.T) {
				for _, b := range q.giveUp(false) {
					if b.patient {
						rt.Fatal("a patient barrier was given up")
					}
				}
			},
			"": func(rt *rapid.T) {
				if len(q.ring) > q.limit || len(q.kept) > 3 {
					rt.Fatalf("%d in the ring of %d, %d kept", len(q.ring), q.limit, len(q.kept))
				}
				if hand != nil || !q.empty() {
					return
				}
				for key, n := range latest {
					if written[key] != n {
						rt.Fatalf("the latest of %s is lost", key)
					}
				}
				lost := uint64(0)
				for _, f := range writes {
					if f.key == "" && !f.done {
						lost++
					}
				}
				if lost != q.losses {
					rt.Fatalf("%d lost, %d counted", lost, q.losses)
				}
			},
		})
	})
}

// place is an error that says which write it is.
type place int

func (p place) Error() string { return fmt.Sprint(int(p)) }
