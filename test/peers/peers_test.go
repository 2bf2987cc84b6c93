package peers

import (
	"strings"
	"testing"

	"zmicroservices/test/harness"
)

func TestContextsOfTwoHostsKnowEachOther(t *testing.T) {
	first, second := place(t), place(t)
	a := up(t, "first", first, "")
	seen := harness.Observe(t, a.Provider, "control")
	b := up(t, "second", second, "<peer>"+first+"</peer>")
	is := func(action string) func(harness.Message) bool {
		return func(m harness.Message) bool {
			return m.Action == "updated" && m.ServiceID == "ts001" && m.ServiceName == "scheduler" && m.Status["device_action"] == action && m.Status["ip"] == second
		}
	}
	seen.Until("the notice that the second is there", is("peer_available"))
	all := a.until("the second, and what it runs", func(all []known) bool {
		return len(all) == 1 && all[0].Availability == "available" && len(all[0].Contexts) == 1 && len(all[0].Contexts[0].Transactions) == 1
	})
	if c := all[0].Contexts[0]; c.ContextID != "second" || c.FrontEnd == "" || c.Transactions[0].Services != 1 {
		t.Errorf("it runs %+v", c)
	}
	b.until("the first", func(all []known) bool { return len(all) == 1 && all[0].Availability == "available" })
	b.Stop()
	seen.Until("the notice that the second is gone", is("peer_unavailable"))
	a.Stop()
}

func TestASchedulerThatMayNotListenSaysWhy(t *testing.T) {
	a := up(t, "first", "0.0.0.0:0", "")
	seen := harness.Observe(t, a.Provider, "control")
	a.Command("start", "--no_wait")
	last := seen.Until("the failure", func(m harness.Message) bool { return m.Status["result"] == "failure" && m.ServiceID == "ts001" })
	reason, _ := last[len(last)-1].Status["reason"].(string)
	if !strings.Contains(reason, "plain_http") {
		t.Errorf("%+v", last[len(last)-1])
	}
	a.Stop()
}
