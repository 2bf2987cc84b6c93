package gap

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"zmicroservices/taskservice/lifecycle"
	"zmicroservices/taskservice/message"
)

var c1 = Node{"server", "c1.example.net"}

// observer is one who watches, with a bus to the others that takes its time.
type observer struct {
	*Alives
	name string
	deaf bool // is away
}

// watch lets observers watch until a time, and tells who found what.
func watch(t *testing.T, until time.Time, hears time.Duration, all ...*observer) (found []string) {
	t.Helper()
	type word struct {
		at   time.Time
		from *observer
	}
	var said []word
	start := time.Now()
	for now := start; now.Before(until); now = now.Add(time.Second) {
		for len(said) > 0 && now.Sub(said[0].at) >= hears {
			for _, o := range all {
				if o != said[0].from {
					o.Heard(c1, now)
				}
			}
			said = said[1:]
		}
		for _, o := range all {
			if o.deaf {
				continue
			}
			for s, ok := o.Due(now); ok; s, ok = o.Due(now) {
				switch {
				case s.Node != c1:
					t.Fatal(s)
				case s.Finding == Missed:
					found = append(found, o.name+" says")
					said = append(said, word{now, o})
				default:
					found = append(found, o.name+" sees")
				}
			}
		}
		time.Sleep(time.Second)
	}
	return found
}

func TestOneSpeaksOfAMissedAlive(t *testing.T) {
	for name, c := range map[string]struct {
		watchdog, tallies bool // that are there
		want              []string
	}{
		"all are there":     {true, true, []string{"watchdog sees", "watchdog says", "tally sees"}},
		"only a tally":      {false, true, []string{"tally sees", "tally says"}},
		"only the watchdog": {true, false, []string{"watchdog sees", "watchdog says"}},
	} {
		synctest.Test(t, func(t *testing.T) {
			now := time.Now()
			watchdog := &observer{NewAlives(AlivesOptions{Origin: now}), "watchdog", !c.watchdog}
			tally := &observer{NewAlives(AlivesOptions{Origin: now, Rank: RankTally}), "tally", !c.tallies}
			for range 2 { // it comes back, and falls silent again
				for _, o := range []*observer{watchdog, tally} {
					if err := o.Saw(c1, time.Now()); err != nil {
						t.Fatal(err)
					}
				}
				got := watch(t, time.Now().Add(2*time.Hour), time.Second, watchdog, tally)
				if diff := cmp.Diff(c.want, got); diff != "" {
					t.Errorf("%s: %s", name, diff)
				}
			}
		})
	}
}

func TestANoticeOfAnotherSilenceDoesNotCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := NewAlives(AlivesOptions{Origin: time.Now(), Rank: RankTally})
		if err := a.Saw(c1, time.Now()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		a.Heard(c1, time.Now()) // somebody has missed what was heard here
		a.Heard(Node{"server", "stranger"}, time.Now())
		got := watch(t, time.Now().Add(time.Hour), 0, &observer{a, "tally", false})
		if diff := cmp.Diff([]string{"tally sees", "tally says"}, got); diff != "" {
			t.Error(diff)
		}
		if a.Len() != 0 {
			t.Error("it is remembered")
		}
	})
}

func TestWhoIsHeardOfIsNotMissed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := NewAlives(AlivesOptions{Origin: time.Now(), Rank: RankTally, Most: 1})
		saw := func(n Node) error { return a.Saw(n, time.Now()) }
		if err := errors.Join(saw(c1), saw(c1)); err != nil {
			t.Fatal(err)
		}
		if err := saw(Node{"server", "c2"}); !errors.Is(err, ErrFull) {
			t.Error(err)
		}
		time.Sleep(Horizon)
		if s, ok := a.Due(time.Now()); !ok || s.Finding != Expired || !s.LastSeen.Equal(time.Now().Add(-Horizon)) {
			t.Error(s, ok)
		}
		a.Heard(c1, time.Now())
		if err := saw(c1); err != nil { // late, but there
			t.Fatal(err)
		}
		if next, any := a.Next(); !any || !next.Equal(time.Now().Add(Horizon)) {
			t.Error(next, any)
		}
		a.Rebase(time.Now(), time.Hour)
		if !a.Gone(c1) || a.Gone(c1) {
			t.Error("it said goodbye, once")
		}
		if len(a.said) != 0 {
			t.Error("what was said of it is remembered")
		}
	})
}

func TestEventsBeginAndEndAWatch(t *testing.T) {
	a := NewAlives(AlivesOptions{Origin: origin})
	for i, step := range []struct {
		of    lifecycle.Type
		nodes int
	}{
		{lifecycle.Shutdown, 0}, {lifecycle.Provisioned, 0}, {lifecycle.Startup, 1}, {lifecycle.Provisioned, 1},
		{lifecycle.Shutdown, 0}, {lifecycle.Alive, 1}, {lifecycle.Alive, 1}, {lifecycle.Shutdown, 0}, {lifecycle.Upgraded, 1},
	} {
		e, err := lifecycle.New(step.of, lifecycle.Identity("c1"), lifecycle.Component("server"), lifecycle.Version("1"), lifecycle.NewVersion("2"))
		if err != nil {
			t.Fatal(err)
		}
		if err := a.Event(e, at(i)); err != nil || a.Len() != step.nodes {
			t.Errorf("%d: %s: %d nodes, %v", i, step.of, a.Len(), err)
		}
	}
}

func TestAShortHorizonHasShortDelays(t *testing.T) {
	for range 100 {
		a := NewAlives(AlivesOptions{Origin: origin, Horizon: 1600 * time.Millisecond, Rank: RankTally})
		if d := a.thresholds[1] - a.Horizon(); d < 2*time.Second || d > 4*time.Second+1 {
			t.Fatal(d)
		}
		a = NewAlives(AlivesOptions{Origin: origin, Rank: RankTally})
		if d := a.thresholds[1] - a.Horizon(); d < 5*time.Second || d > 10*time.Second+1 {
			t.Fatal(d)
		}
	}
}

func TestTheHorizonFollowsTheInterval(t *testing.T) {
	for alive, want := range map[time.Duration]time.Duration{time.Hour: Horizon, 0: Horizon, 3 * time.Second: 4 * time.Second} {
		if got := HorizonOf(alive); got != want {
			t.Errorf("%s: %s", alive, got)
		}
	}
}

func TestANoticeIsReadAsItWasSaid(t *testing.T) {
	n := Notice{c1, time.Date(2026, 11, 21, 11, 0, 0, 7, time.UTC)}
	said := n.Control(message.Header{ServiceID: "ts009", ServiceName: "tally", Transaction: "T"}, Horizon)
	frame, err := said.Frame()
	if err != nil {
		t.Fatal(err)
	}
	_, payload, err := message.Split(frame)
	if err != nil {
		t.Fatal(err)
	}
	heard, err := message.ParseControl(payload)
	if err != nil {
		t.Fatal(err)
	}
	got, ok := NoticeOf(heard)
	if diff := cmp.Diff(n, got); !ok || diff != "" {
		t.Error(ok, diff)
	}
	if reason := heard.Status["reason"]; reason != "server c1.example.net has not been heard of for 1h20m0s" {
		t.Error(reason)
	}
	for _, other := range []func(*message.Control){
		func(c *message.Control) { c.Header.Action = "failed" },
		func(c *message.Control) { c.Status["device_action"] = "trend" },
		func(c *message.Control) { delete(c.Status, "identity") },
		func(c *message.Control) { c.Status["component"] = json.Number("7") },
	} {
		c, err := message.ParseControl(payload)
		if err != nil {
			t.Fatal(err)
		}
		other(&c)
		if n, ok := NoticeOf(c); ok {
			t.Errorf("%v is taken for %v", c, n)
		}
	}
	if !strings.Contains(string(frame), `"updated"`) {
		t.Error(string(frame))
	}
}
