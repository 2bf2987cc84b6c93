package gap

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// origin has a monotonic reading, as in production.
var origin = time.Now()

func at(s int) time.Time { return origin.Add(time.Duration(s) * time.Second) }

func seconds(of ...int) (t Thresholds) {
	for _, s := range of {
		t = append(t, time.Duration(s)*time.Second)
	}
	return t
}

// passing are all thresholds that have passed, in order.
func passing(d *Detector[string], now time.Time) (all []Passed[string]) {
	for p, ok := d.Due(now); ok; p, ok = d.Due(now) {
		all = append(all, p)
	}
	return all
}

func TestEachThresholdIsToldOnceInASilence(t *testing.T) {
	d := New[string](origin)
	d.Watch("pump", at(0), seconds(10, 30))
	for _, step := range []struct {
		now  int
		want []Passed[string]
	}{
		{9, nil},
		{10, []Passed[string]{{"pump", 0, at(0), at(10)}}},
		{29, nil},
		{35, []Passed[string]{{"pump", 1, at(0), at(30)}}},
		{1000, nil},
	} {
		if diff := cmp.Diff(step.want, passing(d, at(step.now))); diff != "" {
			t.Errorf("at %d: %s", step.now, diff)
		}
	}
	if _, any := d.Next(); any {
		t.Error("something is to come although all has passed")
	}
	if passed, watched := d.Seen("pump", at(1000)); passed != 2 || !watched {
		t.Error("it was seen again", passed, watched)
	}
	if next, any := d.Next(); !any || !next.Equal(at(1010)) {
		t.Error("the next silence ends at", next, any)
	}
	if got := passing(d, at(1030)); len(got) != 2 || got[1].Index != 1 || !got[0].Seen.Equal(at(1000)) {
		t.Error("both passed since, in order, and there is", got)
	}
}

func TestAThresholdThatIsNoLongerPassesWithTheOneBefore(t *testing.T) {
	d := New[string](origin)
	d.Watch("a", at(0), seconds(10, 5, 10, 0))
	if got := passing(d, at(9)); got != nil {
		t.Error(got)
	}
	if got := passing(d, at(10)); len(got) != 4 || !got[3].At.Equal(at(10)) {
		t.Error(got)
	}
	d.Watch("never", at(0), nil)
	d.Watch("always", at(50), seconds(-1))
	if got := passing(d, at(50)); len(got) != 1 || got[0].Key != "always" {
		t.Error(got)
	}
}

func TestAKeyIsForgotten(t *testing.T) {
	d := New[string](origin)
	if _, watched := d.Seen("a", at(0)); watched || d.Forget("a") || d.Len() != 0 {
		t.Error("nobody has been told of a")
	}
	d.Watch("a", at(0), seconds(1))
	if !d.Forget("a") || d.Len() != 0 || passing(d, at(100)) != nil {
		t.Error("a is forgotten")
	}
	if _, watched := d.State("a"); watched {
		t.Error("a has no state any more")
	}
}

func TestTheTimeInWhichNobodyListenedDoesNotCount(t *testing.T) {
	d := New[string](origin)
	d.Watch("before", at(0), seconds(60))
	d.Watch("just", at(95), seconds(60))
	d.Rebase(at(100), 50*time.Second) // from 50 to 100
	if got := passing(d, at(100)); got != nil {
		t.Error(got)
	}
	want := []Passed[string]{{"before", 0, at(0), at(110)}, {"just", 0, at(95), at(160)}}
	if diff := cmp.Diff(want, passing(d, at(200))); diff != "" {
		t.Error(diff)
	}
	d.Rebase(at(200), -time.Hour)
	if s, _ := d.State("before"); !s.Since.Equal(at(50)) || !s.Seen.Equal(at(0)) || s.Passed != 1 {
		t.Error(s)
	}
}

func TestAStateOfAnEarlierObserverGoesOn(t *testing.T) {
	d := New[string](origin)
	// What a database has kept has no monotonic reading, and was seen long ago.
	seen := time.Now().Add(-3 * time.Hour).Round(0)
	d.Resume("a", at(0), State{Seen: seen, Passed: 1}, seconds(10, 30))
	d.Resume("done", at(0), State{Seen: seen, Passed: 7}, seconds(10, 30))
	if got := passing(d, at(29)); got != nil {
		t.Error("it was told before: ", got)
	}
	got := passing(d, at(30))
	if len(got) != 1 || got[0].Index != 1 || got[0].Seen.Sub(seen).Abs() > time.Second {
		t.Error(got)
	}
}

// naive is a Detector as one would write it first.
type naive map[string]*State

func TestADetectorIsANaiveOneThatIsFast(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d, plain := New[string](origin), naive{}
		thresholds := map[string]Thresholds{}
		now := 0
		key := rapid.SampledFrom([]string{"a", "b", "c", "d", "e", "f", "g"})
		t.Repeat(map[string]func(*rapid.T){
			"watch": func(t *rapid.T) {
				k, th := key.Draw(t, "key"), seconds(rapid.SliceOfN(rapid.IntRange(0, 20), 0, 4).Draw(t, "thresholds")...)
				d.Watch(k, at(now), th)
				thresholds[k] = th
				plain[k] = &State{Seen: at(now), Since: at(now)}
			},
			"seen": func(t *rapid.T) {
				k := key.Draw(t, "key")
				passed, watched := d.Seen(k, at(now))
				s := plain[k]
				if watched != (s != nil) || watched && passed != s.Passed {
					t.Fatalf("seen %s: %d %t", k, passed, watched)
				}
				if s != nil {
					*s = State{Seen: at(now), Since: at(now)}
				}
			},
			"forget": func(t *rapid.T) {
				k := key.Draw(t, "key")
				if d.Forget(k) != (plain[k] != nil) {
					t.Fatal("forget", k)
				}
				delete(plain, k)
			},
			"resume": func(t *rapid.T) {
				k, th := key.Draw(t, "key"), seconds(3, 9)
				s := State{Seen: at(now - 5), Since: at(now), Passed: rapid.IntRange(0, 2).Draw(t, "passed")}
				d.Resume(k, at(now), s, th)
				thresholds[k], plain[k] = th, &s
			},
			"rebase": func(t *rapid.T) {
				by := rapid.IntRange(0, 30).Draw(t, "by")
				d.Rebase(at(now), time.Duration(by)*time.Second)
				for _, s := range plain {
					s.Since = earliest(s.Since.Add(time.Duration(by)*time.Second), at(now))
				}
			},
			"due": func(t *rapid.T) {
				now += rapid.IntRange(0, 15).Draw(t, "later")
				if diff := cmp.Diff(plain.due(thresholds, at(now)), sorted(passing(d, at(now)))); diff != "" {
					t.Fatal(diff)
				}
			},
			"": func(t *rapid.T) {
				if d.Len() != len(plain) {
					t.Fatalf("%d keys, not %d", d.Len(), len(plain))
				}
				next, any := d.Next()
				want, wanted := plain.next(thresholds)
				if any != wanted || !next.Equal(want) {
					t.Fatalf("next is %v %t, not %v %t", next, any, want, wanted)
				}
				for k, s := range plain {
					if got, _ := d.State(k); !got.Seen.Equal(s.Seen) || !got.Since.Equal(s.Since) || got.Passed != s.Passed {
						t.Fatalf("%s: %+v, not %+v", k, got, *s)
					}
				}
			},
		})
	})
}

func earliest(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func (n naive) due(thresholds map[string]Thresholds, now time.Time) (all []Passed[string]) {
	for k, s := range n {
		for s.Passed < len(thresholds[k]) {
			at := s.Since.Add(slices.Max(thresholds[k][:s.Passed+1]))
			if at.After(now) {
				break
			}
			all = append(all, Passed[string]{k, s.Passed, s.Seen, at})
			s.Passed++
		}
	}
	return sorted(all)
}

func (n naive) next(thresholds map[string]Thresholds) (first time.Time, any bool) {
	for k, s := range n {
		if s.Passed < len(thresholds[k]) {
			at := s.Since.Add(slices.Max(thresholds[k][:s.Passed+1]))
			if !any || at.Before(first) {
				first, any = at, true
			}
		}
	}
	return first, any
}

// sorted has a fixed order for those that pass at the same time.
func sorted(all []Passed[string]) []Passed[string] {
	slices.SortFunc(all, func(a, b Passed[string]) int {
		if c := a.At.Compare(b.At); c != 0 {
			return c
		}
		return slices.Compare([]string{a.Key, strconv.Itoa(a.Index)}, []string{b.Key, strconv.Itoa(b.Index)})
	})
	return all
}

func TestATimerFindsEverySilenceInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, start := New[int](time.Now()), time.Now()
		for k := range 1000 {
			d.Watch(k, time.Now(), Thresholds{2500 * time.Millisecond, 10 * time.Second})
		}
		random := rand.New(rand.NewPCG(1, 2))
		silent := map[int]int{}
		pings := time.NewTicker(time.Second)
		defer pings.Stop()
		timer := time.NewTimer(0)
		defer timer.Stop()
		for time.Since(start) < 30*time.Second {
			select {
			case <-pings.C:
				for k := range 1000 {
					if k%10 > 0 && random.IntN(100) > 0 { // every tenth never says a word
						d.Seen(k, time.Now())
					}
				}
			case <-timer.C:
				for p, ok := d.Due(time.Now()); ok; p, ok = d.Due(time.Now()) {
					if !p.At.Equal(time.Now()) {
						t.Fatalf("%d: found %v late", p.Key, time.Since(p.At))
					}
					if p.Key%10 == 0 {
						silent[p.Index]++
					}
				}
			}
			if next, any := d.Next(); any {
				timer.Reset(time.Until(next))
			}
		}
		if silent[0] != 100 || silent[1] != 100 {
			t.Error(silent)
		}
	})
}

func TestASignOfLifeAllocatesNothing(t *testing.T) {
	d, _ := crowd(100)
	now := 0
	if n := testing.AllocsPerRun(100, func() {
		now++
		d.Seen("node50.example.net", at(now))
		d.Due(at(now))
		d.Next()
		d.Rebase(at(now), time.Second)
	}); n != 0 {
		t.Error(n, "allocations")
	}
}

func crowd(n int) (*Detector[string], []string) {
	d, keys := New[string](origin), make([]string, n)
	for i := range keys {
		keys[i] = "node" + strconv.Itoa(i) + ".example.net"
		d.Watch(keys[i], at(0), seconds(150, 600, 86400))
	}
	return d, keys
}

func BenchmarkSeen(b *testing.B) {
	d, keys := crowd(100_000)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		d.Seen(keys[i%len(keys)], origin.Add(time.Duration(i)))
		i++
	}
}

// BenchmarkRound is a minute of 100,000 keys: each is seen, and the deadlines are looked
// at every second.
func BenchmarkRound(b *testing.B) {
	d, keys := crowd(100_000)
	b.ReportAllocs()
	minute := 0
	for b.Loop() {
		minute++
		for i, k := range keys {
			now := at(60 * minute).Add(time.Duration(i) * 600 * time.Microsecond)
			d.Seen(k, now)
			if i%1667 == 0 {
				if _, ok := d.Due(now); ok {
					b.Fatal("nobody is silent")
				}
				d.Next()
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(keys)), "ns/key")
}

func BenchmarkRebase(b *testing.B) {
	d, _ := crowd(100_000)
	b.ReportAllocs()
	now := 0
	for b.Loop() {
		now++
		d.Rebase(at(now), time.Millisecond)
	}
}

// BenchmarkAllSilent is a bus that broke: everybody passes a threshold.
func BenchmarkAllSilent(b *testing.B) {
	d, keys := crowd(100_000)
	b.ReportAllocs()
	now := 0
	for b.Loop() {
		now += 1000
		n := 0
		for _, ok := d.Due(at(now - 300)); ok; _, ok = d.Due(at(now - 300)) {
			n++
		}
		if n < len(keys) {
			b.Fatal(n)
		}
		for _, k := range keys {
			d.Seen(k, at(now))
		}
	}
}
