package group

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"zmicroservices/conf"
	"zmicroservices/context/event"
)

// world is everything around a Transaction: processes that are born, speak and
// die as a test wants, and a list of what was said. It checks what must always hold.
type world struct {
	t        testing.TB
	tx       *Transaction
	now      time.Time
	procs    map[event.TaskID]*proc // the one process that each task service may have
	wakes    []Wake
	said     []string // "process start ts001", "control started ts001"
	changes  []event.Change
	answers  []event.Outcome
	phase    map[event.Ref]string // last of started, stopped, failed said in a ref's name
	acts     map[uint64][]time.Time
	limit    conf.Transitions
	launchd  []event.Ref
	hooks    []event.Ref // whose hooks were asked for
	store    []Saved
	causes   map[launchCause]event.Ref // one cause makes one process
	asked    map[string]map[event.TaskID]event.Incarnation
	restarts map[string][]event.TaskID
	armed    map[event.TaskID]Arm
	before   map[string]uint64            // Seq when a request came
	created  map[event.TaskID]uint64      // Seq when it was last made ready without a process
	at       map[event.TaskID]event.State // as the changes have told
	watched  map[event.Ref]map[int]bool   // probes that are looked after, and their last verdict
	owing    map[event.Ref]bool           // whose messages are judged
	limited  map[event.Ref]bool           // whose cost is judged
	circles  bool                         // its services depend on each other
	n        int
}

// launchCause is a request or a transition that calls for a process.
type launchCause struct {
	task    event.TaskID
	request string // of an operator's request
	parent  uint64 // of a transition: the change that pulled it
	by      string
}

// proc is a process as the keeper has it: its events come in order.
type proc struct {
	ref     event.Ref
	task    *conf.Task
	spawned bool // the keeper has told of it
	spoke   bool // and so has it
	exited  bool
	dying   bool // its stop recipe runs
	launch  Launch
}

func newWorld(t testing.TB, o Options) *world {
	t.Helper()
	w := &world{
		t: t, now: time.Unix(1_800_000_000, 0), procs: map[event.TaskID]*proc{},
		causes: map[launchCause]event.Ref{}, restarts: map[string][]event.TaskID{}, before: map[string]uint64{}, created: map[event.TaskID]uint64{}, asked: map[string]map[event.TaskID]event.Incarnation{},
		at: map[event.TaskID]event.State{}, armed: map[event.TaskID]Arm{}, watched: map[event.Ref]map[int]bool{}, owing: map[event.Ref]bool{}, limited: map[event.Ref]bool{},
		phase: map[event.Ref]string{}, acts: map[uint64][]time.Time{}, limit: o.Transitions,
	}
	tx, err := NewTransaction(o, w.now)
	if err != nil {
		t.Fatal(err)
	}
	w.tx = tx
	return w
}

func options() Options {
	o := DefaultOptions()
	o.Transaction, o.ContextID = "5HGAHZ3WPZUI71PACRPP", "context001"
	return o
}

func (w *world) step(e event.Event) {
	for _, effect := range w.tx.Step(w.now, e) {
		w.perform(effect)
	}
	w.consistent()
}

func (w *world) perform(effect Effect) {
	switch e := effect.(type) {
	case Launch:
		w.caused(e.Cause, effect)
		if p := w.procs[e.Ref.Task]; p != nil && p.ref == e.Ref {
			return // as the keeper: what is there is not made again
		}
		if p := w.procs[e.Ref.Task]; p != nil {
			w.t.Fatalf("a second process for one task service: %s while %s lives", e.Ref, p.ref)
		}
		cause := launchCause{task: e.Ref.Task, parent: e.Cause.Parent, by: e.Cause.By}
		if e.Cause.Origin == event.ByOperator {
			cause = launchCause{task: e.Ref.Task, request: e.Cause.Request}
		}
		if before, twice := w.causes[cause]; twice {
			w.t.Fatalf("%s was started for %+v, which had started %s", e.Ref, cause, before)
		}
		w.causes[cause] = e.Ref
		w.mayStart(e)
		w.procs[e.Ref.Task] = &proc{ref: e.Ref, task: e.Task, launch: e}
		w.launchd = append(w.launchd, e.Ref)
	case Hook:
		if p := w.procs[e.Ref.Task]; p == nil || p.ref != e.Ref {
			w.t.Fatalf("hooks of %s, which has no process", e.Ref)
		}
		w.hooks = append(w.hooks, e.Ref)
	case End:
		w.caused(e.Cause, effect)
		w.mayEnd(e)
		if p := w.procs[e.Ref.Task]; p != nil && p.ref == e.Ref {
			p.dying = true
		}
	case Watch:
		w.watch(e)
	case Expect:
		w.expect(e)
	case Limit:
		w.judged(e)
	case Unwatch:
		delete(w.limited, e.Ref)
		delete(w.watched, e.Ref)
		delete(w.owing, e.Ref)
	case SayProcess:
		w.caused(e.Cause, effect)
		w.said = append(w.said, fmt.Sprintf("process %s %s", e.Action, e.Task.ID))
		if e.Cause.Origin == event.ByTransition {
			w.act(e.Cause)
		}
	case SayControl:
		w.caused(e.Cause, effect)
		w.say(e.Subject, e.Action)
		w.said = append(w.said, fmt.Sprintf("control %s %s", e.Action, e.Task.ID))
	case Wake:
		if e.At.Before(w.now) {
			w.t.Fatalf("a deadline in the past: %v", e)
		}
		w.wakes = append(w.wakes, e)
	case Record:
		w.caused(e.Change.Cause, effect)
		if n := len(w.changes); n > 0 && e.Change.Seq != w.changes[n-1].Seq+1 {
			w.t.Fatalf("a gap in the changes: %d after %d", e.Change.Seq, w.changes[n-1].Seq)
		}
		if e.Change.Cause.Parent >= e.Change.Seq {
			w.t.Fatalf("change %d was caused by a later one: %d", e.Change.Seq, e.Change.Cause.Parent)
		}
		w.changes = append(w.changes, e.Change)
		w.at[e.Change.Task] = e.Change.To
		if e.Change.To == event.Created {
			w.created[e.Change.Task] = e.Change.Seq
		}
	case Arm:
		w.armed[e.Ref.Task] = e
	case Disarm:
		delete(w.armed, e.Ref.Task)
	case Forget:
		w.store = slices.DeleteFunc(w.store, func(s Saved) bool { return s.Spec.ID == string(e.Task) })
		if w.procs[e.Task] != nil {
			w.t.Fatalf("%s has left the transaction and lives", e.Task)
		}
	case Save:
		w.keep(e.Saved)
	case Answer:
		w.answers = append(w.answers, e.Outcome)
		w.restarted(e.Outcome)
	}
}

// keep is the store: the latest of each task service, in order of definition.
func (w *world) keep(s Saved) {
	at := slices.IndexFunc(w.store, func(old Saved) bool { return old.Spec.ID == s.Spec.ID })
	if at < 0 {
		w.store = append(w.store, s)
		return
	}
	w.store[at] = s
}

// crash lets the provider die and a new one go on. The keeper and its processes
// live on; deadlines and requests under way are lost.
func (w *world) crash() {
	text, err := json.Marshal(w.store) // a later provider gets it as JSON
	if err != nil {
		w.t.Fatalf("not saved: %v", err)
	}
	var saved []Saved
	if err := json.Unmarshal(text, &saved); err != nil {
		w.t.Fatalf("not read back: %v", err)
	}
	tx, err := NewTransaction(w.tx.opts, w.now)
	if err != nil {
		w.t.Fatalf("%v", err)
	}
	before := w.tx.View()
	w.tx, w.wakes, w.changes = tx, nil, nil
	clear(w.asked)
	clear(w.restarts)
	clear(w.armed)
	clear(w.watched)
	clear(w.owing)
	clear(w.limited)
	for _, effect := range tx.Restore(w.now, w.now, 0, saved) {
		w.perform(effect)
	}
	for _, v := range before.Tasks {
		if v.Replica > v.Replicas {
			continue // it was about to leave
		}
		if tx.View().Task(v.ID) == nil {
			w.t.Fatalf("%s was forgotten", v.ID)
		}
	}
	w.consistent()
}

// ask puts a request of its own identity, and notes the incarnations that it
// finds.
func (w *world) ask(a Asked) {
	w.n++
	a.Cause.Request = fmt.Sprintf("r%d", w.n)
	found := map[event.TaskID]event.Incarnation{}
	for _, v := range w.tx.View().Tasks {
		found[v.ID] = v.Incarnation
	}
	w.asked[a.Cause.Request], w.before[a.Cause.Request] = found, w.tx.seq
	if a.Action == Restart {
		for _, t := range a.Tasks {
			w.restarts[a.Cause.Request] = append(w.restarts[a.Cause.Request], event.TaskID(t.ID))
		}
	}
	w.step(a)
	w.restarts[a.Cause.Request] = slices.DeleteFunc(w.restarts[a.Cause.Request], w.waitsForItsTime)
}

// waitsForItsTime says that all a restart does to it is to begin its schedule anew.
func (w *world) waitsForItsTime(id event.TaskID) bool {
	k := w.tx.byID[id]
	return k == nil || k.clock.armed() && !k.busy() // a replica may have left
}

// restarted holds the answer to a restart against the incarnations there are.
func (w *world) restarted(o event.Outcome) {
	found := w.asked[o.Request]
	named := w.restarts[o.Request]
	defer delete(w.before, o.Request)
	delete(w.asked, o.Request)
	delete(w.restarts, o.Request)
	if o.Action != string(Restart) || !o.OK {
		return
	}
	for _, id := range named {
		v := w.tx.byID[id]
		if w.waitsForItsTime(id) {
			continue
		}
		if v.seen.inc <= found[id] && w.created[id] <= w.before[o.Request] {
			w.t.Fatalf("%s was answered as restarted and still has incarnation %d", id, v.seen.inc)
		}
	}
}

// say checks the order of what is said in one incarnation's name.
func (w *world) say(ref event.Ref, action string) {
	switch before := w.phase[ref]; {
	case action == "started" && before != "" && before != "created" && before != "started" && before != "failed":
		w.t.Fatalf("%s: started after %s", ref, before)
	case action == "stopped" && before == "stopped":
		w.t.Fatalf("%s: stopped twice", ref)
	case action == "updated":
		if before == "stopped" {
			w.t.Fatalf("%s: updated after stopped", ref)
		}
		return // what it costs is no step of its life: it may come before started, and before another
	}
	w.phase[ref] = action
}

func (w *world) caused(c event.Cause, effect Effect) {
	if c.IsZero() {
		w.t.Fatalf("an effect without a cause: %#v", effect)
	}
}

// act counts an action of a transition against the storm limit. A restart is
// three messages at most for one action, and the last of them, the start, may come
// long after the action was counted: one for each task service.
func (w *world) act(c event.Cause) {
	times := slices.DeleteFunc(w.acts[c.Root], func(at time.Time) bool { return w.now.Sub(at) >= w.limit.Window })
	w.acts[c.Root] = append(times, w.now)
	if n := len(w.acts[c.Root]); n > 3*w.limit.Intensity*modelReplicas+len(w.tx.tasks) {
		w.t.Fatalf("a storm: %d messages from root %d within %v", n, c.Root, w.limit.Window)
	}
}

// consistent holds the picture against the processes there are.
func (w *world) consistent() {
	for id, p := range w.procs {
		if w.tx.byID[id] == nil {
			w.t.Fatalf("%s lives, and the transaction knows nothing of it", p.ref)
		}
	}
	for _, v := range w.tx.View().Tasks {
		p := w.procs[v.ID]
		if _, armed := w.armed[v.ID]; armed != v.Scheduled {
			w.t.Fatalf("%s: the view says scheduled %v, the clock %v", v.ID, v.Scheduled, armed)
		}
		switch {
		case v.Present != (p != nil):
			w.t.Fatalf("%s: the view says present %v, the world %v", v.ID, v.Present, p != nil)
		case p != nil && p.ref.Incarnation != v.Incarnation:
			w.t.Fatalf("%s: the view says incarnation %d, the world %s", v.ID, v.Incarnation, p.ref)
		case p != nil && w.tx.byID[v.ID].seen.ending && !p.dying && !w.waits(p.ref, event.SignalDue):
			w.t.Fatalf("the end of %s was asked for, and nothing will bring it about:\n%s", p.ref, w.states())
		case v.State == event.Stopped && p != nil:
			w.t.Fatalf("%s is said stopped and lives", v.ID)
		}
	}
}

// What processes do. Each is the next thing that the keeper could tell.

func (w *world) spawn(id event.TaskID) {
	if p := w.procs[id]; p != nil && !p.spawned {
		p.spawned = true
		w.step(event.Spawned{Ref: p.ref, PID: 1000 + len(w.launchd)})
	}
}

func (w *world) refuseSpawn(id event.TaskID) {
	if p := w.procs[id]; p != nil && !p.spawned && !p.spoke {
		delete(w.procs, id)
		w.step(event.SpawnFailed{Ref: p.ref, Reason: "no such file"})
	}
}

func (w *world) exit(id event.TaskID, e event.Exit) {
	if p := w.procs[id]; p != nil && p.spawned && !p.exited {
		p.exited = true
		w.step(event.Exited{Ref: p.ref, Exit: e})
	}
}

func (w *world) leave(id event.TaskID) {
	if p := w.procs[id]; p != nil && p.exited {
		delete(w.procs, id)
		w.step(event.Gone{Ref: p.ref})
	}
}

func (w *world) speak(id event.TaskID, action, result string) {
	p := w.procs[id]
	if p == nil || p.exited || p.task.Announce() != "self" {
		return
	}
	p.spoke = true // its word may be faster than the keeper's
	w.said = append(w.said, fmt.Sprintf("control %s %s", action, id))
	w.step(event.Notice{Ref: p.ref, Action: action, Result: result, PID: 77})
}

// tick lets time pass and delivers the deadlines that come due.
func (w *world) tick(d time.Duration) {
	w.now = w.now.Add(d)
	slices.SortStableFunc(w.wakes, func(a, b Wake) int { return a.At.Compare(b.At) })
	for len(w.wakes) > 0 && !w.wakes[0].At.After(w.now) {
		due := w.wakes[0]
		w.wakes = w.wakes[1:]
		w.step(due.Event)
	}
}

// settle lets everything run its course: what is to be born is born, services
// say started, what is dying dies, until nothing is left to happen.
func (w *world) settle() {
	for range 10_000 {
		busy := false
		for _, id := range w.ids() {
			p := w.procs[id]
			if p == nil {
				continue
			}
			switch {
			case !p.spawned:
				w.spawn(id)
			case p.exited:
				w.leave(id)
			case p.dying:
				w.exit(id, event.Exit{Signal: "SIGTERM"})
			case w.tx.byID[id].seen.leaves:
				w.exit(id, event.Exit{}) // it said that it is stopping
			case w.tx.View().Task(id).State == event.Starting && p.task.Announce() == "self":
				w.speak(id, "started", "success")
			default:
				if !w.succeed(p.ref) {
					continue
				}
			}
			busy = true
		}
		if !busy {
			if len(w.wakes) == 0 {
				return
			}
			slices.SortStableFunc(w.wakes, func(a, b Wake) int { return a.At.Compare(b.At) })
			w.tick(max(0, w.wakes[0].At.Sub(w.now)))
		}
	}
	w.t.Fatalf("the world does not come to rest")
}

func (w *world) ids() []event.TaskID {
	ids := make([]event.TaskID, 0, len(w.procs))
	for id := range w.procs {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

func (w *world) state(id event.TaskID) event.State {
	v := w.tx.View().Task(id)
	if v == nil {
		return event.Defined
	}
	return v.State
}

func (w *world) take() []string {
	out := w.said
	w.said = nil
	return out
}

// Task services for tests.

func command(id string, ts ...conf.Transition) *conf.Task {
	t := service(id, ts...)
	t.Process.Command = []string{"/bin/true"}
	return t
}

func service(id string, ts ...conf.Transition) *conf.Task {
	return &conf.Task{
		ID: id, Topic: "process", Instance: "I" + id, ServiceType: "Process", ServiceName: "n_" + id,
		DeviceAction: "act", StateType: "on_start", Transitions: ts,
		Process: conf.Process{Stop: conf.Stop{Signal: "SIGTERM", Timeout: 10 * time.Second}},
		Raw:     map[string]any{"id": id, "Task": map[string]any{"state": map[string]any{"type": "on_start"}}},
	}
}

func waiting(t *conf.Task) *conf.Task {
	t.StateType = "on_update"
	return t
}

func on(trigger, action, call string) conf.Transition {
	return conf.Transition{Trigger: trigger, Action: action, Call: call}
}

func asks(a Action, tasks ...*conf.Task) Asked {
	return Asked{
		Action: a, Tasks: tasks, All: len(tasks) == 0,
		Cause: event.Cause{Origin: event.ByOperator, By: "test", Request: "r-" + string(a)},
	}
}

// states describes every task service, for a failure.
func (w *world) states() string {
	var b strings.Builder
	for _, k := range w.tx.tasks {
		fmt.Fprintf(&b, "%s want %+v seen %+v restarts %+v process %+v\n", k.id, k.want, k.seen, k.restarts, w.procs[k.id])
	}
	return b.String()
}

// waits says that a deadline of a process is still to come.
func (w *world) waits(ref event.Ref, kind event.DeadlineKind) bool {
	return slices.ContainsFunc(w.wakes, func(x Wake) bool { return x.Event.Ref == ref && x.Event.Kind == kind })
}
