package group

import (
	"slices"
	"strings"
	"testing"

	"zmicroservices/conf"
	"zmicroservices/context/event"
)

// foretell is the word that one leads to a limit.
func (w *world) foretell(id event.TaskID) {
	if p := w.procs[id]; p != nil {
		w.step(event.Rising{Ref: p.ref, Reason: leads})
	}
}

const leads = "fds +14/h (confidence 99.9%), limit 1024 in 2.6 days"

func TestATrendIsAnUpdateThatTransitionsCanUse(t *testing.T) {
	w := newWorld(t, options())
	w.ask(asks(Start, command("leak", on("on_update", "start", "pager")), command("pager")))
	w.spawn("leak")
	w.spawn("pager")
	w.ask(asks(Stop, command("pager")))
	w.dies("pager", event.Exit{})
	w.take()
	ref := w.procs["leak"].ref
	w.step(event.Rising{Ref: event.Ref{Transaction: ref.Transaction, Task: "leak", Incarnation: ref.Incarnation + 1}, Reason: leads}) // of none that there is
	w.step(event.Rising{Ref: event.Ref{Transaction: ref.Transaction, Task: "nobody", Incarnation: 1}, Reason: leads})
	w.step(event.Rising{Ref: ref, Reason: leads})
	w.spawn("pager")
	if got := strings.Join(w.take(), ", "); got != "control updated leak, process start pager, control started pager" {
		t.Errorf("said %s", got)
	}
	n := slices.IndexFunc(w.changes, func(c event.Change) bool { return c.Event == "trend" })
	if n < 0 || w.changes[n].Reason != leads || w.changes[n].Cause.Origin != event.ByLimit {
		t.Errorf("changes %+v", w.changes)
	}
	if v := w.tx.View().Task("leak"); v.State != event.Started || v.Incarnation != 1 {
		t.Errorf("view %+v", v)
	}
	if v := w.tx.View().Task("pager"); !w.leadsTo(v.Cause, event.ByLimit) {
		t.Errorf("cause of the pager: %+v", v.Cause)
	}
}

func TestTheLeastThatAFileAllowsIsInTheView(t *testing.T) {
	leak := command("leak")
	leak.Process.Limits.Memory = 9e8
	leak.Limits = []conf.Limit{{Measure: conf.RSS, RSS: 4e8}, {Measure: conf.RSS, RSS: 5e8}, {Measure: conf.FDs, FDs: 900}}
	w := newWorld(t, options())
	w.ask(asks(Start, leak, command("free")))
	if v := w.tx.View().Task("leak"); v.MostRSS != 4e8 || v.MostFDs != 900 {
		t.Errorf("view %+v", v)
	}
	if v := w.tx.View().Task("free"); v.MostRSS != 0 || v.MostFDs != 0 {
		t.Errorf("view %+v", v)
	}
}
