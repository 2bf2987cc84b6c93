package group

import (
	"fmt"
	"testing"
	"time"

	"zmicroservices/conf"
	"zmicroservices/context/event"
)

func scheduled(t *conf.Task, overlap string) *conf.Task {
	t.Process.Schedule = &conf.Schedule{Every: time.Hour, Overlap: overlap}
	return t
}

// clock is the word of the clock about a schedule that is armed.
func (w *world) clock(id event.TaskID, comes bool, missed int) {
	if _, armed := w.armed[id]; !armed {
		return
	}
	due := event.Due{Task: id, Next: w.now.Add(time.Hour), Missed: missed}
	if comes {
		due.At = w.now
	}
	w.step(due)
}

// events are the rows of a task service that are no change of state, with the
// origin of their cause.
func (w *world) rows() []string {
	var out []string
	for _, c := range w.changes {
		if c.From == c.To {
			out = append(out, fmt.Sprintf("%s by %s", c.Event, c.Cause.Origin))
		}
	}
	return out
}

func (w *world) hasRow(row string) bool {
	for _, r := range w.rows() {
		if r == row {
			return true
		}
	}
	return false
}

// withFile makes a world whose provider's file has these task services.
func withFile(t *testing.T, tasks ...*conf.Task) *world {
	o := options()
	o.Known = map[event.TaskID]*conf.Task{}
	for _, k := range tasks {
		o.Known[event.TaskID(k.ID)] = k
	}
	return newWorld(t, o)
}

func TestAScheduledTaskServiceWaitsForItsTime(t *testing.T) {
	for _, make := range []func(string, ...conf.Transition) *conf.Task{command, service} {
		task, other := scheduled(make("ts001"), "skip"), command("ts002")
		w := withFile(t, task, other)
		w.ask(asks(Start, task, other))
		w.settle()
		v := w.tx.View().Task("ts001")
		if v.State != event.Created || v.Present || !v.Scheduled || len(w.answers) != 1 || !w.answers[0].OK {
			t.Fatalf("after the start: %+v, answers %+v", v, w.answers)
		}
		w.clock("ts001", false, 0) // the clock tells the next time
		if v := w.tx.View().Task("ts001"); v.Next.IsZero() || v.State != event.Created {
			t.Errorf("%+v", v)
		}
		for n := range 3 {
			w.clock("ts001", true, 0)
			w.settle()
			if w.state("ts001") != event.Started {
				t.Fatalf("time %d: %s", n, w.state("ts001"))
			}
			c := w.tx.View().Task("ts001").Cause
			if c.Origin != event.BySchedule || c.By != "every 1h0m0s of ts001" || c.Parent == 0 {
				t.Errorf("cause %+v", c)
			}
			w.dies("ts001", event.Exit{})
			if v := w.tx.View().Task("ts001"); !v.Completed || !v.Scheduled || w.tx.Quiet() {
				t.Errorf("time %d: after its end %+v", n, v)
			}
		}
	}
}

func TestWhatHappensWhenTheRunBeforeIsNotOver(t *testing.T) {
	tests := []struct {
		overlap  string
		row      string
		launches int // of three times, during the first run and after its end
	}{
		{"skip", "skipped by schedule", 1},
		{"queue", "queued by schedule", 2},
		{"kill", "due by schedule", 3},
	}
	for _, tt := range tests {
		t.Run(tt.overlap, func(t *testing.T) {
			task, other := scheduled(command("ts001"), tt.overlap), command("ts002")
			w := withFile(t, task, other)
			w.ask(asks(Start, task, other))
			w.settle()
			before := len(w.launchd)
			for range 3 {
				w.clock("ts001", true, 0)
				w.settle()
			}
			if !w.hasRow(tt.row) {
				t.Errorf("rows %q", w.rows())
			}
			if tt.overlap == "kill" {
				if n := len(w.launchd) - before; n != 3 {
					t.Errorf("%d launches while it ran", n)
				}
				return
			}
			if n := len(w.launchd) - before; n != 1 {
				t.Fatalf("%d launches while it ran", n)
			}
			w.dies("ts001", event.Exit{})
			w.settle()
			w.dies("ts001", event.Exit{})
			w.settle()
			if n := len(w.launchd) - before; n != tt.launches {
				t.Errorf("%d launches, want %d", n, tt.launches)
			}
		})
	}
}

func TestWhoIsNamedRunsAtOnce(t *testing.T) {
	task, other := scheduled(command("ts001"), "skip"), command("ts002")
	w := withFile(t, task, other)
	w.ask(asks(Start, task))
	w.settle()
	if v := w.tx.View().Task("ts001"); v.State != event.Started || !v.Scheduled {
		t.Errorf("after a start by name: %+v", v)
	}
	w.dies("ts001", event.Exit{})
	w.ask(asks(Restart, task, other)) // the whole file again: it waits
	w.settle()
	if v := w.tx.View().Task("ts001"); v.State != event.Stopped || !v.Scheduled {
		t.Errorf("after a restart of all: %+v", v)
	}
	w.ask(asks(Restart, task))
	w.settle()
	if w.state("ts001") != event.Started {
		t.Errorf("after a restart by name: %s", w.state("ts001"))
	}
}

func TestAFileOfOneRunsItWhenItIsStartedAgain(t *testing.T) {
	task := scheduled(command("ts001"), "skip")
	w := withFile(t, task)
	w.ask(asks(Start, task))
	w.settle()
	if w.state("ts001") != event.Created {
		t.Fatal(w.state("ts001"))
	}
	w.ask(asks(Start, task))
	w.settle()
	if w.state("ts001") != event.Started {
		t.Error(w.state("ts001"))
	}
}

func TestAnOperatorsStopEndsTheSchedule(t *testing.T) {
	task, other := scheduled(command("ts001"), "queue"), command("ts002", on("on_update", "stop", "ts001"))
	w := withFile(t, task, other)
	w.ask(asks(Start, task, other))
	w.settle()
	w.clock("ts001", true, 0)
	w.settle()
	w.clock("ts001", true, 0) // one is queued
	w.ask(asks(Stop, task))
	w.settle()
	if v := w.tx.View().Task("ts001"); v.State != event.Stopped || v.Scheduled || len(w.armed) > 0 {
		t.Errorf("after the stop: %+v", v)
	}
	w.step(event.Due{Task: "ts001", At: w.now}) // was on its way
	if w.state("ts001") != event.Stopped {
		t.Error("a schedule that was ended ran it")
	}
	w.ask(asks(Start, task, other)) // ts002 runs already
	if !w.tx.View().Task("ts001").Scheduled {
		t.Error("a start of all does not begin the schedule again")
	}
	w.ask(asks(Stop))
	w.settle()
	if !w.tx.Quiet() || len(w.armed) > 0 {
		t.Errorf("after a stop of all: %s", w.states())
	}
}

func TestWhatWasMissedIsSaid(t *testing.T) {
	task, other := scheduled(command("ts001"), "skip"), command("ts002")
	w := withFile(t, task, other)
	w.ask(asks(Start, task, other))
	w.clock("ts001", false, 3)
	w.settle()
	last := w.changes[len(w.changes)-1]
	if !w.hasRow("missed by schedule") || w.state("ts001") != event.Created || w.procs["ts001"] != nil {
		t.Errorf("rows %q, the last %+v", w.rows(), last)
	}
}

func TestAScheduleOutlivesItsProvider(t *testing.T) {
	task, other := scheduled(service("ts001"), "queue"), command("ts002")
	w := withFile(t, task, other)
	w.ask(asks(Start, task, other))
	w.clock("ts001", false, 0)
	w.crash()
	a, armed := w.armed["ts001"]
	if v := w.tx.View().Task("ts001"); !armed || v.State != event.Created || v.Present || !a.After.Equal(w.now) {
		t.Fatalf("armed %v %+v, %+v", armed, a, v)
	}
	w.clock("ts001", true, 0)
	w.settle()
	w.clock("ts001", true, 0)
	w.crash()
	w.dies("ts001", event.Exit{})
	w.settle()
	if v := w.tx.View().Task("ts001"); v.State != event.Started || v.Incarnation != 2 {
		t.Errorf("the queued run was forgotten: %+v", v)
	}
}
