package probe

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"zmicroservices/conf"
	"zmicroservices/context/event"
)

// court is a Judge in a bubble, and a bus that it hears.
type court struct {
	t     *testing.T
	j     *Judge
	began time.Time
	mu    sync.Mutex // guards all below
	said  []string
	sent  map[string][]Sent // by topic
}

// trialOf runs a test in virtual time.
func trialOf(t *testing.T, test func(c *court)) {
	synctest.Test(t, func(t *testing.T) {
		c := &court{t: t, began: time.Now(), sent: map[string][]Sent{}}
		var err error
		c.j, err = NewJudge(JudgeOptions{
			Report: func(e event.Unmet) {
				c.mu.Lock()
				defer c.mu.Unlock()
				c.said = append(c.said, fmt.Sprintf("%v %s %d %s", time.Since(c.began), e.Task, e.Expect, e.Reason))
			},
			Sent: func(topics map[string]bool) map[string][]Sent {
				c.mu.Lock()
				defer c.mu.Unlock()
				sent := map[string][]Sent{}
				for topic := range topics {
					sent[topic] = slices.Clone(c.sent[topic])
				}
				return sent
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1) // sent by Run's goroutine, once
		go func() { done <- c.j.Run(ctx) }()
		test(c)
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// publish sends n messages a second over a connection for a while.
func (c *court) publish(topic string, conn uint64, owner event.Ref, n int, d time.Duration) {
	for range int(d.Seconds() * float64(n)) {
		time.Sleep(time.Second / time.Duration(n)) // of the bubble
		c.one(topic, conn, owner)
	}
}

func (c *court) one(topic string, conn uint64, owner event.Ref) {
	synctest.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	list := c.sent[topic]
	i := slices.IndexFunc(list, func(s Sent) bool { return s.Conn == conn })
	if i < 0 {
		i, list = len(list), append(list, Sent{Conn: conn, Owner: owner})
	}
	list[i].Messages++
	list[i].Last = time.Now()
	c.sent[topic] = list
}

func (c *court) pass(d time.Duration) {
	time.Sleep(d) // of the bubble
	synctest.Wait()
}

func (c *court) want(said ...string) {
	c.t.Helper()
	if got := c.take(); !slices.Equal(got, said) {
		c.t.Errorf("said %q, want %q", got, said)
	}
}

// take gives what was said since.
func (c *court) take() []string {
	synctest.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	said := c.said
	c.said = nil
	return said
}

var (
	nobody  = event.Ref{}
	another = event.Ref{Transaction: "T", Task: "ts002", Incarnation: 1}
	frames  = conf.Expect{Topic: "frames", Min: 20, Max: 40, Within: 2 * time.Second}
)

func TestWhatIsPublishedAsExpectedIsAllRight(t *testing.T) {
	for _, n := range []int{20, 30, 40} {
		trialOf(t, func(c *court) {
			c.j.Expect(ref, []conf.Expect{frames}, 0)
			c.publish("frames", 1, ref, n, 30*time.Second)
			c.want()
		})
	}
}

func TestSilenceIsMissedWhenItsTimeIsOver(t *testing.T) {
	trialOf(t, func(c *court) {
		c.j.Expect(ref, []conf.Expect{frames}, 0)
		c.pass(time.Minute)
		c.want("2s ts001 0 topic frames came 0/s, min 20/s, for 2s")
	})
}

func TestTooFewAndTooManyAreMissed(t *testing.T) {
	trialOf(t, func(c *court) {
		c.j.Expect(ref, []conf.Expect{frames}, 0)
		c.publish("frames", 1, ref, 30, 10*time.Second)
		c.want()
		c.publish("frames", 1, ref, 3, 10*time.Second)
		if said := c.take(); len(said) != 1 {
			t.Fatalf("said %q", said)
		}
		c.j.Forget(ref)
		c.j.Expect(ref, []conf.Expect{frames}, 0)
		c.publish("frames", 1, ref, 100, 10*time.Second)
		if said := c.take(); len(said) != 1 || !strings.HasSuffix(said[0], "/s, max 40/s, for 2s") {
			t.Errorf("said %q", said)
		}
	})
}

func TestTheAgeOfTheLatestIsBounded(t *testing.T) {
	trialOf(t, func(c *court) {
		e := conf.Expect{Topic: "frames", Age: 500 * time.Millisecond, Within: 2 * time.Second}
		c.j.Expect(ref, []conf.Expect{e}, 0)
		c.publish("frames", 1, ref, 4, 10*time.Second)
		c.want()
		c.pass(time.Minute)
		c.want("10.6s ts001 0 topic frames came last 600ms ago, age 500ms")
		c.j.Forget(ref)
		c.j.Expect(ref, []conf.Expect{e}, 0)
		c.pass(time.Minute)
		c.want("1m12s ts001 0 topic frames did not come for 2s, age 500ms")
	})
}

func TestAFirstMessageIsEnoughWhereNothingElseIsSaid(t *testing.T) {
	e := conf.Expect{Topic: "up", Within: 5 * time.Second}
	trialOf(t, func(c *court) {
		c.j.Expect(ref, []conf.Expect{e}, 0)
		c.pass(time.Second)
		c.one("up", 1, ref)
		c.pass(time.Hour)
		c.want()
		r := ref
		r.Incarnation = 2
		c.j.Forget(ref)
		c.j.Expect(r, []conf.Expect{e}, 0)
		c.pass(time.Minute)
		c.want("1h0m6s ts001 0 topic up did not come within 5s")
	})
	trialOf(t, func(c *court) { // it came before anybody judged
		c.one("up", 1, ref)
		c.pass(time.Second)
		c.j.Expect(ref, []conf.Expect{e}, 0)
		c.pass(time.Minute)
		c.want()
	})
}

// A service is judged by connections of its own where there is one, else by those
// that are nobody's, and never by another service's.
func TestWhoseMessagesCount(t *testing.T) {
	for _, tt := range []struct {
		name      string
		own, anys int
		others    int
		missed    bool
	}{
		{"its own", 30, 0, 0, false},
		{"nobody's", 0, 30, 0, false},
		{"another's", 0, 0, 30, true},
		{"too few of its own", 3, 30, 30, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			trialOf(t, func(c *court) {
				c.j.Expect(ref, []conf.Expect{frames}, 0)
				for i := range 600 { // 10 s
					c.pass(time.Second / 60)
					for conn, s := range []struct {
						owner event.Ref
						rate  int
					}{{ref, tt.own}, {nobody, tt.anys}, {another, tt.others}} {
						if s.rate > 0 && i%(60/s.rate) == 0 {
							c.one("frames", uint64(conn+1), s.owner)
						}
					}
				}
				if said := c.take(); len(said) > 0 != tt.missed {
					t.Errorf("said %q", said)
				}
			})
		})
	}
}

func TestManyShortConnectionsAreOnePublisher(t *testing.T) {
	trialOf(t, func(c *court) {
		c.j.Expect(ref, []conf.Expect{frames}, 0)
		for i := range 300 { // 10 s
			c.pass(time.Second / 30)
			c.one("frames", uint64(i+1), ref)
			c.mu.Lock()
			if list := c.sent["frames"]; len(list) > 20 {
				c.sent["frames"] = list[1:] // it is closed, and forgotten
			}
			c.mu.Unlock()
		}
		c.want()
	})
}

func TestAGraceIsGiven(t *testing.T) {
	trialOf(t, func(c *court) {
		c.j.Expect(ref, []conf.Expect{frames, {Topic: "slow", Min: 1. / 12, Within: time.Minute}}, 10*time.Second)
		c.pass(2 * time.Minute)
		c.want("12s ts001 0 topic frames came 0/s, min 20/s, for 2s", "1m12s ts001 1 topic slow came 0/m, min 5/m, for 1m0s")
	})
}

func TestAPauseOfTheWholeMachineIsNobodysSilence(t *testing.T) {
	trialOf(t, func(c *court) {
		d := newDuty(ref, 0, frames, c.began, 0)
		l := newLedger()
		now := c.began
		judge := func(after time.Duration, n uint64) string {
			now = now.Add(after)
			a := l.of[ref]
			l.of[ref] = account{a.messages + n, now}
			return d.judge(now, l)
		}
		for range 100 {
			if why := judge(100*time.Millisecond, 3); why != "" {
				t.Fatal(why)
			}
		}
		if why := judge(time.Hour, 0); why != "" {
			t.Errorf("after a pause: %s", why)
		}
		why := ""
		for i := 0; why == "" && i < 30; i++ {
			why = judge(100*time.Millisecond, 0)
		}
		if passed := now.Sub(c.began); why == "" || passed < time.Hour+12*time.Second {
			t.Errorf("after %v: %q", passed, why)
		}
	})
}

func TestNothingIsSaidOfWhoIsForgotten(t *testing.T) {
	trialOf(t, func(c *court) {
		c.j.Expect(ref, []conf.Expect{frames}, 0)
		c.pass(time.Second)
		c.j.Forget(ref)
		c.pass(time.Minute)
		c.want()
	})
}

func TestALedgerKeepsNobodyLongerThanNeeded(t *testing.T) {
	l := newLedger()
	judged := func(r event.Ref) bool { return r == ref }
	l.enter([]Sent{{1, ref, 5, time.Now()}, {2, another, 5, time.Now()}, {3, nobody, 7, time.Now()}}, judged)
	if a, own := l.whose(ref); !own || a.messages != 5 || len(l.of) != 2 {
		t.Errorf("ledger %+v", l)
	}
	l.enter([]Sent{{3, nobody, 9, time.Now()}}, judged)
	l.keep(func(event.Ref) bool { return false })
	if a, own := l.whose(ref); own || a.messages != 9 || len(l.of) != 1 || len(l.seen) != 1 {
		t.Errorf("ledger %+v", l)
	}
}

func TestAJudgeNeedsItsCollaborators(t *testing.T) {
	if _, err := NewJudge(JudgeOptions{}); err == nil {
		t.Error("it needs none")
	}
}
