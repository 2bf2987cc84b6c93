package group

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"zmicroservices/conf"
	"zmicroservices/context/event"
)

// owes gives a task service an expectation.
func owes(t *conf.Task) *conf.Task {
	t.Expects = []conf.Expect{{Topic: "frames", Min: 20}}
	return t
}

func randomExpects(rt *rapid.T, tasks []*conf.Task) {
	for _, t := range tasks {
		if rapid.IntRange(0, 2).Draw(rt, "expects") == 0 {
			owes(t)
		}
	}
}

// expect is the judge of messages: it may only be asked about a process that runs and
// is ready, once.
func (w *world) expect(e Expect) {
	p := w.procs[e.Ref.Task]
	if p == nil || p.ref != e.Ref || !p.spawned || w.owing[e.Ref] || len(e.Task.Expects) == 0 || e.Began.IsZero() {
		w.t.Fatalf("%s is judged, and there is %+v", e.Ref, p)
	}
	w.owing[e.Ref] = true
}

// miss is the judgement that the messages of one do not come; it must lead to an end.
func (w *world) miss(id event.TaskID) {
	p := w.procs[id]
	if p == nil || !w.owing[p.ref] {
		return
	}
	w.step(event.Unmet{Ref: p.ref, Topic: "frames", Reason: "topic frames came 3/s, min 20/s, for 2s"})
	if k := w.tx.byID[id]; k.seen.inc == p.ref.Incarnation && !k.seen.ending && w.procs[id] == p && !p.exited {
		w.t.Fatalf("its messages do not come and %s goes on:\n%s", p.ref, w.states())
	}
}

func TestMessagesAreJudgedOnceAServiceIsReadyAndNoLongerThanItRuns(t *testing.T) {
	w := newWorld(t, options())
	w.ask(asks(Start, owes(with(command("frames"), "readiness"))))
	w.spawn("frames")
	if len(w.owing) != 0 {
		t.Fatal("it is not ready yet")
	}
	w.verdict("frames", 0, true)
	if len(w.owing) != 1 {
		t.Fatal("it is ready, and nobody judges its messages")
	}
	w.verdict("frames", 0, false)
	w.verdict("frames", 0, true)
	w.ask(asks(Stop))
	if len(w.owing) != 0 {
		t.Error("it is to stop, and its messages are judged")
	}
	w.step(event.Unmet{Ref: w.procs["frames"].ref, Topic: "frames"})
	w.dies("frames", event.Exit{Signal: "SIGTERM"})
	if w.state("frames") != event.Stopped {
		t.Errorf("it is %s", w.state("frames"))
	}
}

func TestMessagesThatDoNotComeAreAFailureOfTheService(t *testing.T) {
	w := newWorld(t, options())
	w.ask(asks(Start, owes(policy(service("frames"), "on-failure"))))
	w.spawn("frames")
	if len(w.owing) != 0 {
		t.Fatal("it has not said started")
	}
	w.speak("frames", "started", "success")
	w.take()
	w.miss("frames")
	v := w.tx.View().Task("frames")
	if v.State != event.Failed || v.Reason != "topic frames came 3/s, min 20/s, for 2s" || v.Cause.Origin != event.ByFlow || v.Cause.By != "topic frames" {
		t.Fatalf("view %+v", v)
	}
	if got := w.take(); !slices.Equal(got, []string{"control failed frames", "process stop frames"}) {
		t.Errorf("said %v", got)
	}
	w.miss("frames") // too late
	w.dies("frames", event.Exit{})
	w.spawn("frames")
	if v := w.tx.View().Task("frames"); v.Incarnation != 2 || !w.leadsTo(v.Cause, event.ByFlow) {
		t.Errorf("view %+v", v)
	}
}

func TestMessagesAreJudgedOnByTheNextProvider(t *testing.T) {
	w := newWorld(t, options())
	w.ask(asks(Start, owes(command("frames"))))
	w.settle()
	w.crash()
	if len(w.owing) != 1 {
		t.Error("nobody judges them")
	}
}
