package group

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"zmicroservices/conf"
	"zmicroservices/context/event"
)

// TestRandomEventsKeepThePromises drives Step with everything that can happen,
// in any order, and holds it to what must always be so (see world): never two
// processes for one task service, started before stopped, no effect without a
// cause, storms bounded; and at the end, when the world is quiet, what was
// wanted is reached and every start has had its end.
func TestRandomEventsKeepThePromises(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		o := options()
		o.Transitions = conf.Transitions{Intensity: 3, Window: 5 * time.Second}
		tasks := randomTasks(rt)
		if rapid.Bool().Draw(rt, "file") { // else they are known by the requests alone
			o.Known = map[event.TaskID]*conf.Task{}
			for _, task := range tasks {
				o.Known[event.TaskID(task.ID)] = task
			}
		}
		w := newWorld(failing{t, rt}, o)
		for range modelSteps {
			randomEvent(rt, w, tasks)
		}
		calm(rt, w)
		quiet(rt, w)
	})
}

// failing lets a world fail the check and not the test, so that rapid shrinks it.
type failing struct {
	testing.TB
	rt *rapid.T
}

func (f failing) Fatalf(format string, args ...any) { f.rt.Fatalf(format, args...) }
func (f failing) Helper()                           {}

func randomTasks(rt *rapid.T) []*conf.Task {
	ids := []string{"ts001", "ts002", "ts003", "ts004"}
	tasks := make([]*conf.Task, len(ids))
	for i, id := range ids {
		var ts []conf.Transition
		for _, trigger := range []string{"on_start", "on_update", "on_fail", "on_exit"} {
			if action := rapid.SampledFrom([]string{"", "", "start", "stop", "restart", "wave"}).Draw(rt, trigger); action != "" {
				ts = append(ts, on(trigger, action, rapid.SampledFrom(ids).Draw(rt, "call")))
			}
		}
		if tasks[i] = command(id, ts...); rapid.Bool().Draw(rt, "self") {
			tasks[i] = service(id, ts...)
		}
		if rapid.IntRange(0, 3).Draw(rt, "hooks") == 0 {
			tasks[i].Process.Hooks = []conf.Hook{{On: postStart}, {On: preStop}}
		}
		policy(tasks[i], rapid.SampledFrom([]string{"never", "never", "on-failure", "always"}).Draw(rt, "policy"))
		if rapid.IntRange(0, 3).Draw(rt, "entry") == 0 {
			waiting(tasks[i])
		}
		if overlap := rapid.SampledFrom([]string{"", "", "", "skip", "queue", "kill"}).Draw(rt, "overlap"); overlap != "" {
			scheduled(tasks[i], overlap)
		}
		tasks[i].Process.Replicas = rapid.SampledFrom([]int{1, 1, 1, 1, 2}).Draw(rt, "replicas")
	}
	randomProbes(rt, tasks)
	randomExpects(rt, tasks)
	randomLimits(rt, tasks)
	randomDepends(rt, tasks)
	return tasks
}

// randomDepends makes some depend on others, without a circle.
func randomDepends(rt *rapid.T, tasks []*conf.Task) {
	backwards := rapid.Bool().Draw(rt, "backwards")
	for i := range tasks {
		for j := range i {
			if rapid.IntRange(0, 3).Draw(rt, "depends") > 0 {
				continue
			}
			from, to := tasks[i], tasks[j]
			if backwards {
				from, to = to, from
			}
			after(from, to.ID+" until "+rapid.SampledFrom([]string{"started", "ready", "completed"}).Draw(rt, "until"))
		}
	}
}

func randomEvent(rt *rapid.T, w *world, tasks []*conf.Task) {
	// One draw an event keeps many of them affordable.
	n := rapid.IntRange(0, 1<<18-1).Draw(rt, "event")
	task := tasks[n%4]
	n /= 4
	if r := n % 8; r > 4 { // the replicas have their share
		if k := w.tx.byID[event.TaskID(conf.ReplicaID(task.ID, r-3))]; k != nil {
			task = task.AsReplica(r - 3)
		}
	}
	id := event.TaskID(task.ID)
	n /= 8
	kind, n := n%28, n/28
	switch kind {
	case 0, 1:
		w.ask(asks(Start, task))
	case 2:
		w.ask(asks(Stop, task))
	case 3:
		w.ask(asks(Restart, task))
	case 4:
		w.ask(asks([]Action{Start, Stop, Restart}[n%3], tasks...))
	case 5:
		if n%8 == 0 {
			w.ask(asks(Stop))
		}
	case 6, 7, 8, 9:
		w.spawn(id)
	case 10:
		w.refuseSpawn(id)
	case 11:
		w.exit(id, []event.Exit{{}, {Code: 3}, {Signal: "SIGKILL"}}[n%3])
	case 12, 13:
		if p := w.procs[id]; p != nil && p.dying {
			w.exit(id, event.Exit{Signal: "SIGTERM"})
		}
	case 14, 15, 16:
		w.leave(id)
	case 17, 18, 19:
		words := []string{"started", "created", "updated", "failed", "stopped", "exited", "started", "hum"}
		result := "success"
		if n%16 == 0 {
			result = "failure"
		}
		w.speak(id, words[n%8], result)
	case 20: // the words and the ends of the dead
		if len(w.launchd) > 0 {
			dead := w.launchd[n%len(w.launchd)]
			if p := w.procs[dead.Task]; p == nil || p.ref != dead {
				w.step([]event.Event{
					event.Exited{Ref: dead}, event.Gone{Ref: dead}, event.Spawned{Ref: dead, PID: 9},
					event.Notice{Ref: dead, Action: "started"},
				}[n%4])
			}
		}
	case 21:
		w.tick(time.Duration(n%100) * time.Millisecond)
	case 22:
		w.tick(time.Duration(n%40) * time.Second)
	case 23: // a time of its schedule comes, perhaps after others that nobody saw
		w.clock(id, n%8 != 0, n%3)
	case 24: // the provider dies, and a new one goes on
		if n%8 == 0 {
			w.crash()
		}
	case 25:
		switch n % 5 {
		case 0:
			w.miss(id)
			return
		case 1:
			w.exceed(id, n%3)
			return
		case 2:
			w.foretell(id)
			return
		}
		w.verdict(id, n%8, n%3 > 0)
	case 26:
		w.tell(id, n)
	case 27:
		n %= modelReplicas + 2
		w.ask(Asked{Action: Scale, Scale: map[event.TaskID]int{id: n - 1}, Cause: event.Cause{Origin: event.ByOperator, By: "test"}})
	}
	if len(w.launchd) > 64 {
		w.launchd = w.launchd[32:]
	}
	if len(w.hooks) > 8 {
		w.hooks = w.hooks[4:]
	}
	if len(w.causes) > 1024 {
		clear(w.causes)
	}
	if len(w.changes) > 64 {
		w.changes = w.changes[32:]
	}
	w.said, w.answers = nil, nil
}

// calm lets everything run its course, when every request must have had its
// answer and every want must be reached, and then stops it.
func calm(rt *rapid.T, w *world) {
	w.settle()
	w.completeAll()
	if n := len(w.tx.open); n > 0 {
		rt.Fatalf("%d requests without an answer in a quiet world, the first: %+v\n%+v", n, w.tx.open[0].asked, w.states())
	}
	for _, k := range w.tx.tasks {
		runs := k.seen.state == event.Started || k.seen.state == event.Created || k.seen.state == event.Failed && k.seen.present
		if k.want.up != runs {
			rt.Fatalf("%s is wanted up: %v, and in a quiet world it is %s\n%s", k.id, k.want.up, k.seen.state, w.states())
		}
	}
	counted(rt, w)
	w.ask(asks(Exit))
	w.settle()
}

// modelReplicas is up to how many replicas the random world scales.
const modelReplicas = 3

// counted holds the replicas that there are against those that there are to be.
func counted(rt *rapid.T, w *world) {
	there := map[event.TaskID][]int{}
	for _, v := range w.tx.View().Tasks {
		base := v.ID
		if v.Replica > 1 {
			id, _, _ := conf.SplitReplica(string(v.ID))
			base = event.TaskID(id)
		}
		there[base] = append(there[base], v.Replica)
		if n := len(there[base]); v.Replica != n || n > max(1, v.Replicas) {
			rt.Fatalf("replicas %v of %s, and there are to be %d", there[base], base, v.Replicas)
		}
		if v.Replicas == 0 && v.Present {
			rt.Fatalf("%s is scaled to 0 and runs", v.ID)
		}
	}
	for base, list := range there {
		if n := w.tx.View().Task(base).Replicas; len(list) != max(1, n) {
			rt.Fatalf("replicas %v of %s, and there are to be %d", list, base, n)
		}
	}
}

func quiet(rt *rapid.T, w *world) {
	if !w.tx.Quiet() {
		rt.Fatalf("after an exit the transaction is not quiet: %+v", w.tx.open)
	}
	for _, v := range w.tx.View().Tasks {
		if v.Present || v.State == event.Starting || v.State == event.Started || v.State == event.Stopping {
			rt.Fatalf("%s is %s, present %v, after an exit", v.ID, v.State, v.Present)
		}
	}
	if len(w.procs) > 0 {
		rt.Fatalf("processes left: %v", w.procs)
	}
	if len(w.tx.open) > 0 {
		rt.Fatalf("requests without an answer: %d", len(w.tx.open))
	}
}
