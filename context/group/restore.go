package group

import (
	"encoding/json"
	"time"

	"zmicroservices/conf"
	"zmicroservices/context/event"
)

// Saved is what has to be kept of one task service so that a provider which
// comes after this one goes on with it: what is wanted of it, and what was seen of
// it last. It shares its Spec and Object, which nobody changes, with the
// transaction, so that it can be written later and elsewhere. As JSON it is read
// by providers of later versions.
type Saved struct {
	Seq  uint64     `json:"seq"` // of the transaction
	Spec *conf.Task `json:"spec"`
	Next *conf.Task `json:"next,omitempty"` // a newer spec, for the next incarnation
	Want SavedWant  `json:"want"`
	Seen SavedSeen  `json:"seen"`

	Clock *SavedClock `json:"clock,omitempty"` // of a schedule that is armed
	Set   *SavedSet   `json:"set,omitempty"`   // with replica 1: of all of them
}

// DecodeSaved reads what was written of a Saved, as JSON, by this or an earlier
// version.
func DecodeSaved(text []byte) (Saved, error) {
	var s Saved
	err := json.Unmarshal(text, &s)
	return s, err
}

// SavedWant is what is wanted of a task service.
type SavedWant struct {
	Up    bool              `json:"up"`
	Run   bool              `json:"run"`
	Above event.Incarnation `json:"above"`
	Due   time.Time         `json:"due,omitzero"` // of its restart policy's next restart
	Cause event.Cause       `json:"cause"`
}

// SavedSeen is what was seen of a task service last.
type SavedSeen struct {
	State       event.State       `json:"state"`
	Incarnation event.Incarnation `json:"incarnation"`
	Present     bool              `json:"present"`
	PID         int               `json:"pid,omitempty"`
	Ticks       uint64            `json:"ticks,omitempty"` // of its start, see event.Spawned
	Since       time.Time         `json:"since"`
	Exit        *event.Exit       `json:"exit,omitempty"`
	Reason      string            `json:"reason,omitempty"`
	Cause       event.Cause       `json:"cause"`
	Starts      int               `json:"starts,omitempty"`
	Began       time.Time         `json:"began,omitzero"`
	Start       uint64            `json:"start,omitempty"`
	Root        uint64            `json:"root,omitempty"`
	Made        bool              `json:"made,omitempty"`
	Reached     bool              `json:"reached,omitempty"`
	Spoke       bool              `json:"spoke,omitempty"`
	SaidStopped bool              `json:"said_stopped,omitempty"`
	Ending      bool              `json:"ending,omitempty"`
	End         endKind           `json:"end,omitempty"`
	ExitFired   bool              `json:"exit_fired,omitempty"`
	Completed   bool              `json:"completed,omitempty"`
	Broke       event.Cause       `json:"broke,omitzero"`
	Probes      []bool            `json:"probes,omitempty"`
	Leaves      bool              `json:"leaves,omitempty"`
	Status      string            `json:"status,omitempty"`
	Action      string            `json:"action"`
	Result      string            `json:"result"`
	Told        string            `json:"told,omitempty"`
	Object      map[string]any    `json:"object,omitempty"`
}

// Save is the effect that keeps a task service. It comes last in a step: what it
// holds is true when the step's other effects are done.
type Save struct{ Saved Saved }

// Forget is the effect that ends the keeping of a task service: a replica has left.
type Forget struct{ Task event.TaskID }

func (Save) effect()   {}
func (Forget) effect() {}

func (t *Transaction) saved(k *task) Saved {
	s := &k.seen
	return Saved{
		Seq: t.seq, Spec: k.spec, Next: k.next, Clock: k.clock.saved(), Set: k.savedSet(),
		Want: SavedWant{k.want.up, k.want.run, k.want.above, k.restarts.due, k.want.cause},
		Seen: SavedSeen{
			State: s.state, Incarnation: s.inc, Present: s.present, PID: s.pid, Ticks: s.ticks, Since: s.since, Exit: s.exit,
			Reason: s.reason, Cause: s.cause, Starts: s.starts, Began: s.began, Start: s.start, Root: s.root,
			Made: s.made, Reached: s.reached, Spoke: s.spoke, SaidStopped: s.saidStopped, Ending: s.ending, End: s.end,
			ExitFired: s.exitFired, Completed: s.completed, Broke: s.broke, Probes: s.probes, Leaves: s.leaves, Status: s.status,
			Action: s.action, Result: s.result, Told: s.told, Object: s.object,
		},
	}
}

// Restore goes on where an earlier provider was. seq is the highest that it used
// as far as is known, saved are its task services in order of definition. It is called once, before the first Step. The effects are
// what may have been lost on the way: stop recipes and deadlines.
//
// It believes what was saved. What came to be after that is told by the keeper,
// which keeps every event until it is acknowledged: the same decisions follow
// again, and a Launch of what is there already makes nothing. Whoever calls
// Restore tells, as Exited and Gone, what the keeper knows nothing of, and ends
// what the keeper holds and nobody wants.
func (t *Transaction) Restore(now, began time.Time, seq uint64, saved []Saved) []Effect {
	t.now, t.out, t.began, t.seq = now, nil, began, seq
	for _, x := range saved {
		t.seq = max(t.seq, x.Seq)
		v := &x.Seen
		k := &task{
			id: event.TaskID(x.Spec.ID), spec: x.Spec, next: x.Next,
			want:     want{up: x.Want.Up, run: x.Want.Run, above: x.Want.Above, cause: x.Want.Cause},
			restarts: restarts{due: x.Want.Due},
			clock:    x.Clock.clock(),
			seen: seen{
				state: v.State, inc: v.Incarnation, present: v.Present, pid: v.PID, ticks: v.Ticks, since: v.Since, exit: v.Exit,
				reason: v.Reason, cause: v.Cause, starts: v.Starts, began: v.Began, start: v.Start, root: v.Root,
				made: v.Made, reached: v.Reached, spoke: v.Spoke, saidStopped: v.SaidStopped, ending: v.Ending, end: v.End,
				exitFired: v.ExitFired, completed: v.Completed, broke: v.Broke, probes: v.Probes, leaves: v.Leaves, status: v.Status,
				action: v.Action, result: v.Result, told: v.Told, object: v.Object,
			},
		}
		t.byID[k.id] = k
		t.tasks = append(t.tasks, k)
	}
	t.view = nil
	t.regroup(saved)
	for _, k := range t.tasks {
		t.resume(k)
	}
	return t.effects()
}

// Held gives the launches, as they would be now, of what ran when a transaction was
// saved: what another keeper has to know of it that is to hold it.
func Held(o Options, now, began time.Time, seq uint64, saved []Saved) ([]Launch, error) {
	t, err := NewTransaction(o, now)
	if err != nil {
		return nil, err
	}
	t.Restore(now, began, seq, saved) // nobody performs what follows
	var held []Launch
	for _, x := range saved {
		if x.Seen.Present {
			held = append(held, t.launch(t.byID[event.TaskID(x.Spec.ID)], x.Seen.Object, x.Want.Cause))
		}
	}
	return held, nil
}

// resume repeats what the earlier provider may not have got to.
func (t *Transaction) resume(k *task) {
	s := &k.seen
	if s.present && !s.made {
		t.emit(t.launch(k, s.object, k.want.cause))
	}
	switch {
	case s.present && s.ending:
		t.emit(End{k.ref(t.opts.Transaction), k.spec.Process.Stop, k.want.cause})
	case s.present && s.state == event.Starting && (k.self() || s.leaves): // of others watch sees to it
		t.awaitStarted(k)
	case s.present && s.saidStopped:
		t.wake(k, t.opts.LingerAfter, event.LingerDue)
	case !s.present && t.resting(k):
		t.wake(k, min(k.restarts.due.Sub(t.now), k.spec.Process.Restart.ResumeAfter), event.RestartDue)
	}
	t.watch(k)
	t.reconcile(k)
	t.rearm(k)
}
