package group

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"zmicroservices/conf"
	"zmicroservices/context/event"
)

func replicated(t *conf.Task, n int) *conf.Task {
	t.Process.Replicas = n
	return t
}

func scales(id event.TaskID, n int) Asked {
	return Asked{Action: Scale, Scale: map[event.TaskID]int{id: n}, Cause: event.Cause{Origin: event.ByOperator, By: "test"}}
}

// there lists the task services of a transaction, with their states.
func (w *world) there() string {
	var s []string
	for _, v := range w.tx.View().Tasks {
		s = append(s, fmt.Sprintf("%s %s", v.ID, v.State))
	}
	return strings.Join(s, ", ")
}

func (w *world) expectThere(want string) {
	w.t.Helper()
	if got := w.there(); got != want {
		w.t.Fatalf("there are %s; want %s", got, want)
	}
}

// do asks and lets everything run its course; the outcome is given.
func (w *world) do(a Asked) event.Outcome {
	w.t.Helper()
	w.answers = nil
	w.ask(a)
	w.settle()
	if len(w.answers) != 1 {
		w.t.Fatalf("answers %+v", w.answers)
	}
	return w.answers[0]
}

func TestATaskServiceHasReplicas(t *testing.T) {
	task, other := replicated(command("ts001"), 3), command("ts002")
	w := withFile(t, task, other)
	if o := w.do(asks(Start, task, other)); !o.OK {
		t.Fatalf("%+v", o)
	}
	w.expectThere("ts001 started, ts001.2 started, ts001.3 started, ts002 started")
	p := w.procs["ts001.2"].launch
	if p.Replica != 2 || p.Replicas != 3 || p.Task.ID != "ts001.2" || p.Task.Raw["id"] != "ts001.2" {
		t.Errorf("launch %+v", p)
	}
	if o := w.do(asks(Stop, task.AsReplica(2))); !o.OK {
		t.Errorf("%+v", o)
	}
	w.expectThere("ts001 started, ts001.2 stopped, ts001.3 started, ts002 started")
	if o := w.do(asks(Stop, task)); !o.OK {
		t.Errorf("%+v", o)
	}
	w.expectThere("ts001 stopped, ts001.2 stopped, ts001.3 stopped, ts002 started")
	before := len(w.launchd)
	if o := w.do(asks(Restart, &conf.Task{ID: "ts001"})); !o.OK || len(w.launchd)-before != 3 {
		t.Errorf("%+v, launched %v", o, w.launchd[before:])
	}
	o := w.do(asks(Start, task.AsReplica(7)))
	if o.OK || o.Tasks["ts001.7"] == "" {
		t.Errorf("a start of a replica that there is not: %+v", o)
	}
	if o := w.do(asks(Start, task)); o.OK || len(o.Tasks) != 3 {
		t.Errorf("a start of what runs: %+v", o)
	}
}

func TestScalingUpAndDown(t *testing.T) {
	for _, make := range []func(string, ...conf.Transition) *conf.Task{command, service} {
		task, other := make("ts001"), command("ts002")
		w := withFile(t, task, other)
		w.do(asks(Start, task, other))
		first := w.procs["ts001"].ref
		if o := w.do(scales("ts001", 4)); !o.OK {
			t.Fatalf("%+v", o)
		}
		w.expectThere("ts001 started, ts001.2 started, ts001.3 started, ts001.4 started, ts002 started")
		w.take()
		if o := w.do(scales("ts001", 2)); !o.OK {
			t.Fatalf("%+v", o)
		}
		w.expectThere("ts001 started, ts001.2 started, ts002 started")
		said := w.take()
		four, three := slices.Index(said, "process stop ts001.4"), slices.Index(said, "process stop ts001.3")
		if four < 0 || three < four {
			t.Errorf("the highest does not go first: %q", said)
		}
		w.do(scales("ts001", 3))
		if inc := w.tx.View().Task("ts001.3").Incarnation; inc < 2 {
			t.Errorf("a new ts001.3 has the incarnation of one that has gone: %d", inc)
		}
		if w.procs["ts001"].ref != first {
			t.Error("the first was disturbed")
		}
		w.do(scales("ts001", 0))
		w.expectThere("ts001 stopped, ts002 started")
		if o := w.do(asks(Start, task)); o.OK {
			t.Errorf("a start of what is scaled to 0: %+v", o)
		}
		w.do(scales("ts001", 2))
		w.expectThere("ts001 started, ts001.2 started, ts002 started")
	}
}

func TestWhatIsStoppedIsScaledForItsNextStart(t *testing.T) {
	task, other := command("ts001"), command("ts002")
	w := withFile(t, task, other)
	w.do(asks(Start, other))
	if o := w.do(scales("ts001", 2)); !o.OK {
		t.Errorf("%+v", o)
	}
	w.expectThere("ts002 started, ts001 defined, ts001.2 defined")
	w.do(asks(Start, task))
	w.expectThere("ts002 started, ts001 started, ts001.2 started")
}

func TestScalingsThatAreRefused(t *testing.T) {
	task, own := command("ts001"), command("ts001.3")
	w := withFile(t, task, own)
	w.do(asks(Start, replicated(task, 2), own))
	for _, tt := range []struct {
		id   event.TaskID
		n    int
		want string
	}{
		{"ts009", 2, "no such task service"},
		{"ts001", -1, "0 to 1000"},
		{"ts001", 1001, "0 to 1000"},
		{"ts001.2", 2, "scale that"},
		{"ts001", 3, "a task service of its own"},
	} {
		o := w.do(scales(tt.id, tt.n))
		if o.OK || !strings.Contains(o.Tasks[tt.id], tt.want) {
			t.Errorf("%s=%d: %+v", tt.id, tt.n, o)
		}
	}
	w.expectThere("ts001 started, ts001.2 started, ts001.3 started")
}

func TestReplicasOutliveTheirProvider(t *testing.T) {
	task, other := replicated(command("ts001"), 2), command("ts002")
	w := withFile(t, task, other)
	w.do(asks(Start, task, other))
	w.do(scales("ts001", 4))
	w.crash()
	w.settle()
	w.expectThere("ts001 started, ts001.2 started, ts001.3 started, ts001.4 started, ts002 started")
	w.ask(scales("ts001", 1)) // the new provider dies before they have gone
	w.crash()
	w.settle()
	w.expectThere("ts001 started, ts002 started")
	w.do(scales("ts001", 0))
	w.crash()
	w.do(scales("ts001", 2))
	w.expectThere("ts001 started, ts001.2 started, ts002 started")
}

func TestTheFileCountsUntilAnOperatorScales(t *testing.T) {
	task := replicated(command("ts001"), 3)
	w := withFile(t, task)
	w.do(asks(Start, task))
	w.do(asks(Restart, replicated(command("ts001"), 2)))
	w.expectThere("ts001 started, ts001.2 started")
	w.do(scales("ts001", 4))
	w.do(asks(Restart, replicated(command("ts001"), 2)))
	w.expectThere("ts001 started, ts001.2 started, ts001.3 started, ts001.4 started")
}

func TestTransitionsOfReplicas(t *testing.T) {
	task := replicated(command("ts001", on("on_fail", "restart", "ts001"), on("on_exit", "stop", "ts002")), 2)
	other := replicated(command("ts002"), 2)
	w := withFile(t, task, other)
	w.do(asks(Start, task, other))
	first := w.procs["ts001"].ref
	w.dies("ts001.2", event.Exit{Code: 1})
	w.settle()
	if w.procs["ts001"].ref != first || w.procs["ts001.2"].ref.Incarnation != 2 {
		t.Errorf("a replica that names its own task service means itself: %v", w.launchd)
	}
	w.dies("ts001.2", event.Exit{})
	w.settle()
	w.expectThere("ts001 started, ts001.2 stopped, ts002 stopped, ts002.2 stopped")
}

func TestReplicasRunByTheirSchedule(t *testing.T) {
	task, other := replicated(scheduled(command("ts001"), "skip"), 2), command("ts002")
	w := withFile(t, task, other)
	w.do(asks(Start, task, other))
	w.do(scales("ts001", 3))
	w.expectThere("ts001 created, ts001.2 created, ts001.3 created, ts002 started")
	w.clock("ts001.3", true, 0)
	w.settle()
	w.expectThere("ts001 created, ts001.2 created, ts001.3 started, ts002 started")
	w.do(scales("ts001", 1))
	if len(w.armed) != 1 {
		t.Errorf("armed %v", w.armed)
	}
}
