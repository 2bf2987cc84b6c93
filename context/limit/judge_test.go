package limit

import (
	"testing"
	"time"

	"zmicroservices/conf"
	"zmicroservices/context/event"
)

var (
	ref   = event.Ref{Transaction: "T1", Task: "ts001", Incarnation: 1}
	began = time.Unix(1_800_000_000, 0)
)

func cost(after time.Duration, rss int64) *event.Cost {
	return &event.Cost{At: began.Add(after), ProcessCost: event.ProcessCost{PID: 7, RSS: rss}}
}

func TestALimitIsExceededWhenEveryLookSaysSoForLongEnough(t *testing.T) {
	j := NewJudge()
	j.Watch(ref, []conf.Limit{{Measure: conf.RSS, RSS: 400e6, For: 30 * time.Second, Action: "restart"}})
	const over, under = 412_000_000, 400_000_000
	for i, c := range []struct {
		after time.Duration
		rss   int64
		told  bool
	}{
		{0, over, false},
		{29 * time.Second, over, false},
		{30 * time.Second, over, true},
		{60 * time.Second, over, false}, // it was told
		{61 * time.Second, under, false},
		{62 * time.Second, over, false},
		{80 * time.Second, under, false}, // a saw-tooth
		{81 * time.Second, over, false},
		{100 * time.Second, over, false},
		{111 * time.Second, over, true},
	} {
		got := j.Judge(ref, cost(c.after, c.rss))
		if (len(got) == 1) != c.told {
			t.Errorf("look %d: %+v", i, got)
		}
		for _, e := range got {
			if e.Ref != ref || e.Limit != 0 || e.Reason != "rss 412 MB > 400 MB for 30s" {
				t.Errorf("look %d: %+v", i, e)
			}
		}
	}
	if got := j.Judge(event.Ref{Task: "another"}, cost(0, over)); got != nil {
		t.Errorf("a process that nobody watches: %+v", got)
	}
}

// A process that could not be read neither keeps nor breaks a limit.
func TestALookThatFailedIsNone(t *testing.T) {
	j := NewJudge()
	j.Watch(ref, []conf.Limit{{Measure: conf.RSS, RSS: 100, For: 10 * time.Second}})
	j.Judge(ref, cost(0, 200))
	j.Judge(ref, &event.Cost{At: began.Add(5 * time.Second), Error: "gone"})
	if got := j.Judge(ref, cost(10*time.Second, 200)); len(got) != 1 {
		t.Errorf("%+v", got)
	}
}

func TestEveryMeasureIsSaidInItsUnit(t *testing.T) {
	c := &event.Cost{At: began, ProcessCost: event.ProcessCost{
		PID: 7, RSS: 1_234_567_890, CPU: 97.25, FDs: 1000, Age: 7261, Connections: map[string]int{"ESTABLISHED": 3, "LISTEN": 1},
	}, Children: []event.ProcessCost{{PID: 8, RSS: 0, CPU: 1, FDs: 24, Age: 90000, Connections: map[string]int{"NONE": 2}}}}
	for _, l := range []struct {
		conf.Limit
		want string
	}{
		{conf.Limit{Measure: conf.RSS, RSS: 1e9}, "rss 1.23 GB > 1.00 GB"},
		{conf.Limit{Measure: conf.RSS, RSS: 999}, "rss 1.23 GB > 999 B"},
		{conf.Limit{Measure: conf.CPU, CPU: 80}, "cpu 98.3% > 80%"},
		{conf.Limit{Measure: conf.FDs, FDs: 1023}, "fds 1024 > 1023"},
		{conf.Limit{Measure: conf.FDs, FDs: 1024}, ""},
		{conf.Limit{Measure: conf.Connections, Connections: 5}, "connections 6 > 5"},
		{conf.Limit{Measure: conf.Age, Age: 2 * time.Hour}, "age 2h1m1s > 2h0m0s"},
		{conf.Limit{Measure: conf.Age, Age: 24 * time.Hour}, ""}, // a child may be older than a process that was executed anew
	} {
		j := NewJudge()
		j.Watch(ref, []conf.Limit{l.Limit})
		got := j.Judge(ref, c)
		if said := len(got) == 1; said != (l.want != "") || said && got[0].Reason != l.want {
			t.Errorf("%+v: %+v", l.Limit, got)
		}
	}
}

func TestLooksComeAFewTimesWithinTheTimeThatALimitMayBeExceeded(t *testing.T) {
	for span, want := range map[time.Duration]time.Duration{
		0: time.Second, time.Second: 250 * time.Millisecond, 10 * time.Second: 2 * time.Second, time.Hour: 5 * time.Second,
	} {
		j := NewJudge()
		if !j.Next().IsZero() || j.Due(began) != nil {
			t.Fatal("nobody is watched")
		}
		j.Watch(ref, []conf.Limit{{Measure: conf.FDs, For: time.Hour}, {Measure: conf.Connections, For: span}})
		if !j.Due(began)[ref] || !j.Counts(ref) {
			t.Errorf("%v: a new one is due at once", span)
		}
		if next := j.Next(); next.Sub(began) != want || j.Due(next.Add(-1)) != nil || !j.Due(next)[ref] {
			t.Errorf("%v: the next look is after %v, want %v", span, next.Sub(began), want)
		}
		j.Unwatch(ref)
		if !j.Next().IsZero() {
			t.Error("it is watched on")
		}
	}
}
