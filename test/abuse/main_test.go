package abuse

import (
	"fmt"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"zmicroservices/test/harness"
)

func TestMain(m *testing.M) { harness.Main(m, roles) }

// bearable is how long a state request may take while somebody misbehaves.
const bearable = time.Second

// site is a provider with one service that runs and has to go on running.
type site struct {
	*harness.Provider
	*harness.Operator
	t    testing.TB
	by   *bystander
	idle harness.Usage // before anything bad came
}

// sites numbers the transactions: what is left of one must not be taken for
// another's.
var sites atomic.Int32

func newSite(t testing.TB, f harness.File, flags ...string) *site {
	t.Helper()
	return newSiteOf(t, harness.Start, f, flags...)
}

// starter starts a provider: harness.Start, or that of a keyring.
type starter func(t testing.TB, file string, flags ...string) *harness.Provider

// bothWays runs a test of a site whose bus speaks NULL, and of one that speaks CURVE.
func bothWays(t *testing.T, test func(t *testing.T, s *site)) {
	t.Run("NULL", func(t *testing.T) { test(t, newSite(t, harness.File{})) })
	t.Run("CURVE", func(t *testing.T) { test(t, newSiteOf(t, harness.NewKeyring(t).Start, harness.File{})) })
}

func newSiteOf(t testing.TB, start starter, f harness.File, flags ...string) *site {
	t.Helper()
	f.Tasks = append([]harness.Task{{ID: "ts001", Command: "/bin/sleep 86400"}}, f.Tasks...)
	p := start(t, harness.Write(t, f), flags...)
	p.Transaction = fmt.Sprintf("SITE%d%d", os.Getpid(), sites.Add(1))
	s := &site{Provider: p, Operator: harness.NewOperator(t, p), t: t}
	if m := s.Command("start", p.Transaction, map[string]any{"id": "ts001"}); m.Status["result"] != "success" {
		t.Fatalf("start: %v", m)
	}
	s.RoundTrip()
	s.by = newBystander(t, p)
	s.idle = harness.UsageOf(t, p.PID)
	return s
}

// Command is the operator's: the provider's has the same name.
func (s *site) Command(action, transaction string, tasks ...any) harness.Message {
	s.t.Helper()
	return s.Operator.Command(action, transaction, tasks...)
}

// served wants a few round trips in bearable time, and a bystander who notices
// nothing.
func (s *site) served(while string) {
	s.t.Helper()
	worst := time.Duration(0)
	for range 10 {
		worst = max(worst, s.RoundTrip())
	}
	s.t.Logf("%s: worst of 10 round trips %v", while, worst)
	if worst > bearable {
		s.t.Errorf("%s: a round trip took %v, more than %v", while, worst, bearable)
	}
	now := s.by.measure()
	s.t.Logf("%s: a bystander's messages took %v; when all was quiet %v", while, now, s.by.quiet)
	if s.by.notices(now) {
		s.t.Errorf("%s: a bystander's messages took %v; when all was quiet %v", while, now, s.by.quiet)
	}
}

// bounded wants the provider's memory to have grown by no more than mib, now and
// at its highest.
func (s *site) bounded(while string, mib float64) {
	s.t.Helper()
	now := harness.UsageOf(s.t, s.PID)
	s.t.Logf("%s: before %v; now %v", while, s.idle, now)
	if grown := now.Peak - s.idle.RSS; grown > mib {
		s.t.Errorf("%s: the provider's memory grew by %.0f MiB, more than %.0f", while, grown, mib)
	}
}

// recovered waits until the sockets are given back, and wants the service to
// have run all the time and everything to end in order.
func (s *site) recovered() {
	s.t.Helper()
	deadline := time.After(harness.Patience)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		now := harness.UsageOf(s.t, s.PID).Sockets
		if now <= s.idle.Sockets {
			break
		}
		select {
		case <-tick.C:
		case <-deadline:
			s.t.Fatalf("the provider had %d sockets and keeps %d", s.idle.Sockets, now)
		}
	}
	for _, m := range s.Seen.Waiting() {
		if m.ServiceID == "ts001" && m.Topic == "control" && m.Action != "started" {
			s.t.Errorf("the service that had to go on: %v", m)
		}
	}
	if m := s.Command("restart", s.Transaction, map[string]any{"id": "ts001"}); m.Status["result"] != "success" {
		s.t.Errorf("restart afterwards: %v %v", m, m.Status)
	}
	s.Stop()
}
