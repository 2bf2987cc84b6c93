package group

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"zmicroservices/conf"
	"zmicroservices/context/event"
	"zmicroservices/context/machine"
)

// Options say what a transaction is. Transaction and ContextID are required.
type Options struct {
	Transaction  event.TransactionID
	ContextID    string
	ContextName  string // header.service_name of the command that begins it
	LogName      string // TaskLogName of that command
	Endpoints    event.Endpoints
	Known        map[event.TaskID]*conf.Task // the provider's own file: a transition may call these, running or not
	Transitions  conf.Transitions            // storm limit
	StartTimeout time.Duration               // for a service to say started
	SettleTime   time.Duration               // from a service's `started` to the answer of its start
	SignalAfter  time.Duration               // from the stop message to the stop signal, for a service that hears the bus
	Seed         uint64                      // of the jitter; the same events and the same seed give the same effects
	LingerAfter  time.Duration               // from a service's own `stopped` to the end of what is left of it
}

// DefaultOptions are the options of CONTRACT's defaults.
func DefaultOptions() Options {
	return Options{
		Transitions:  conf.Transitions{Intensity: 30, Window: 10 * time.Second},
		StartTimeout: 30 * time.Second,
		SettleTime:   50 * time.Millisecond,
		SignalAfter:  500 * time.Millisecond,
		LingerAfter:  10 * time.Second,
	}
}

func (o Options) validate() error {
	if err := conf.CheckTransaction(string(o.Transaction)); err != nil {
		return err
	}
	switch {
	case o.ContextID == "":
		return errors.New("transaction: no ContextID")
	case o.StartTimeout <= 0 || o.SignalAfter <= 0 || o.LingerAfter <= 0:
		return errors.New("transaction: a timeout is not positive")
	case o.Transitions.Intensity <= 0 || o.Transitions.Window <= 0:
		return errors.New("transaction: the storm limit is not positive")
	}
	return nil
}

// Transaction is the data of one transaction. It has no lock: one goroutine owns it.
type Transaction struct {
	opts  Options
	began time.Time
	tasks []*task // in order of definition
	byID  map[event.TaskID]*task
	open  []*operation // requests under way
	storm storm
	seq   uint64
	done  bool // an exit was asked for: nothing starts any more

	// of the step under way
	now     time.Time
	out     []Effect
	touched []*task // changed in this step
	stirred []*task // changed, and not yet seen by those that wait for it

	links *links // nil when a spec has changed them

	random *rand.Rand // jitter

	view *event.View // the latest; nil when something changed since
}

// NewTransaction makes an empty transaction.
func NewTransaction(o Options, now time.Time) (*Transaction, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	return &Transaction{opts: o, began: now, byID: map[event.TaskID]*task{}, storm: newStorm(o.Transitions), random: rand.New(rand.NewPCG(o.Seed, 0))}, nil
}

// Step decides what follows from one event. The effects are to be performed in
// order, and before the effects of the next Step. It never blocks.
func (t *Transaction) Step(now time.Time, e event.Event) []Effect {
	t.now, t.out = now, nil
	switch e := e.(type) {
	case Asked:
		t.asked(e)
	case event.Spawned:
		t.spawned(e)
	case event.SpawnFailed:
		t.spawnFailed(e)
	case event.Exited:
		t.exited(e)
	case event.Gone:
		t.gone(e)
	case event.HookEnded:
		t.hookEnded(e)
	case event.Lost:
		t.lost(e)
	case event.Notice:
		t.notice(e)
	case event.Dropped:
		t.dropped(e)
	case event.Deadline:
		t.deadline(e)
	case event.Due:
		t.due(e)
	case event.Probed:
		t.probed(e)
	case event.Unmet:
		t.missed(e)
	case event.Exceeded:
		t.exceeded(e)
	case event.Rising:
		t.rising(e)
	case event.Notified:
		t.notified(e)
	default:
		panic(fmt.Sprintf("group: no step for event %T", e))
	}
	return t.effects()
}

// effects closes a step: whatever changed is saved last.
func (t *Transaction) effects() []Effect {
	t.settle()
	t.sweep()
	for _, k := range t.touched {
		if k.touched = false; !k.gone {
			t.emit(Save{t.saved(k)})
		}
	}
	for _, k := range t.touched {
		if k.gone {
			t.emit(Forget{k.id})
		}
	}
	t.touched = t.touched[:0]
	return t.out
}

// Quiet says that nothing is wanted, nothing runs and nobody waits: the
// transaction may leave memory.
func (t *Transaction) Quiet() bool {
	for _, k := range t.tasks {
		if k.want.up || k.seen.present || k.clock.armed() {
			return false
		}
	}
	return len(t.open) == 0
}

// View gives the picture after the latest step. Pictures of unchanged task
// services are shared with earlier Views.
func (t *Transaction) View() *event.View {
	if t.view != nil {
		return t.view
	}
	v := &event.View{
		Seq: t.seq, Transaction: t.opts.Transaction, ContextName: t.opts.ContextName, LogName: t.opts.LogName,
		Endpoints: t.opts.Endpoints, Began: t.began, Tasks: make([]*event.TaskView, len(t.tasks)),
	}
	for i, k := range t.tasks {
		if k.view == nil {
			k.view = k.snapshot()
		}
		v.Tasks[i] = k.view
	}
	t.view = v
	return v
}

func (t *Transaction) emit(e Effect) { t.out = append(t.out, e) }

// touch marks k as changed since the last View.
func (t *Transaction) touch(k *task) {
	k.view, t.view = nil, nil
	if !k.touched {
		k.touched = true
		t.touched = append(t.touched, k)
	}
	if !k.stirred {
		k.stirred = true
		t.stirred = append(t.stirred, k)
	}
}

// record makes a Change of k and gives its Seq.
func (t *Transaction) record(k *task, from event.State, what string, c event.Cause, reason string) uint64 {
	t.seq++
	ch := event.Change{
		Seq: t.seq, At: t.now, Transaction: t.opts.Transaction, Event: what, Cause: c, Reason: reason,
	}
	if k != nil {
		ch.Task, ch.Incarnation, ch.PID = k.id, k.seen.inc, k.seen.pid
		ch.From, ch.To, ch.Exit = from, k.seen.state, k.seen.exit
		k.seen.cause, k.seq = c, t.seq
		t.touch(k)
	}
	t.emit(Record{ch})
	return t.seq
}

// apply puts one input to the machine and performs what it says. A refusal is
// recorded and changes nothing.
func (t *Transaction) apply(k *task, in machine.Input, c event.Cause) bool {
	from := k.seen.state
	next, effects, err := machine.Next(from, in)
	if err != nil {
		t.record(k, from, "refused", c, err.Error())
		return false
	}
	if next != from {
		k.seen.state, k.seen.since = next, t.now
	}
	if from == event.Failed && (next == event.Started || next == event.Created) {
		k.seen.reason = "" // it lives and has recovered
	}
	if next == event.Starting && from != event.Starting {
		t.begin(k, effects, c)
	}
	seq := t.record(k, from, in.String(), c, k.seen.reason)
	if next == event.Starting && from != event.Starting {
		k.seen.start = seq
		k.seen.root = c.Root
		if k.seen.root == 0 {
			k.seen.root = seq
		}
	}
	if next == event.Started || next == event.Created {
		k.seen.reached = true
	}
	if next == event.Failed && slices.Contains(effects, machine.End) {
		k.seen.broke = c
	}
	for _, effect := range effects {
		t.perform(k, effect, c)
	}
	switch {
	case next == event.Failed && (from != event.Failed || in == machine.SaidFailed):
		t.fire(k, "on_fail", seq, c)
	case next == event.Started && from != event.Started:
		if !t.settled(k) && len(k.operations) > 0 {
			t.wake(k, t.opts.SettleTime, event.Settled)
		}
		if k.hooked(postStart) {
			t.emit(Hook{k.ref(t.opts.Transaction)})
		}
		t.fire(k, "on_start", seq, c)
		t.watch(k)
	}
	t.check(k)
	return true
}

// begin readies what is seen of k for a start: of a new incarnation, or of the
// task in the process that is there.
func (t *Transaction) begin(k *task, effects []machine.Effect, c event.Cause) {
	s := &k.seen
	for _, e := range effects {
		if e == machine.Spawn {
			*s = seen{
				state: s.state, since: s.since, inc: s.inc + 1, pid: s.pid, starts: s.starts + 1,
				present: true, action: s.action, result: s.result, object: s.object, told: s.told,
			}
			k.survivors = nil
		}
	}
	s.reason, s.exit, s.cause, s.began = "", nil, c, t.now
	k.restarts.started(t.now, c)
}

// perform turns an effect of the machine into effects of the group.
func (t *Transaction) perform(k *task, e machine.Effect, c event.Cause) {
	switch e {
	case machine.Spawn:
		object := t.sayProcess(k, Start, c)
		t.emit(t.launch(k, object, c))
	case machine.Run:
		t.sayProcess(k, Start, c)
		t.awaitStarted(k)
	case machine.End:
		t.end(k, c)
	case machine.Announce:
		t.announce(k, c)
	}
}

func (t *Transaction) launch(k *task, object map[string]any, c event.Cause) Launch {
	return Launch{
		Ref: k.ref(t.opts.Transaction), Task: k.spec, Object: object, Cause: c, Rank: t.rank(k),
		Replica: k.number(), Replicas: k.count(),
	}
}

func (t *Transaction) awaitStarted(k *task) {
	if k.self() || k.seen.leaves {
		t.wake(k, t.opts.StartTimeout, event.StartOverdue)
	}
}

func (t *Transaction) wake(k *task, after time.Duration, kind event.DeadlineKind) {
	t.emit(Wake{t.now.Add(after), event.Deadline{Ref: k.ref(t.opts.Transaction), Kind: kind}})
}

// end runs the stop recipe, once an incarnation. A service that has shown that
// it hears the bus gets the message first and the signal a little later.
func (t *Transaction) end(k *task, c event.Cause) {
	if k.seen.ending {
		return
	}
	k.seen.ending = true
	t.unwatch(k)
	told := k.told
	k.told = false
	hooked := k.hooked(preStop)
	if hooked { // before it hears of its end, too
		t.emit(End{k.ref(t.opts.Transaction), k.spec.Process.Stop, c})
	}
	if !told {
		t.sayProcess(k, Stop, c)
	}
	switch {
	case hooked:
		return
	case k.self() && k.seen.spoke:
		t.wake(k, t.opts.SignalAfter, event.SignalDue)
		return
	}
	t.emit(End{k.ref(t.opts.Transaction), k.spec.Process.Stop, c})
}

// reconcile closes the gap between what is wanted of k and what is seen. What is
// left behind by a leader that has exited is being ended by the keeper already:
// there is nothing to ask for, only AllGone to wait for.
func (t *Transaction) reconcile(k *task) {
	w, s := &k.want, &k.seen
	switch {
	case !w.up && s.present:
		if !s.ending && s.exit == nil && !t.kept(k) {
			t.apply(k, machine.StopAsked, w.cause)
		}
	case !w.up:
		if s.state == event.Created {
			t.apply(k, machine.DropAsked, w.cause)
		}
	case s.present && s.inc <= w.above:
		if !s.ending && s.exit == nil && !t.kept(k) {
			t.apply(k, machine.StopAsked, w.cause)
		}
	case !s.present && t.resting(k):
		// its policy's restart is due later
	case s.present:
		if s.state == event.Created && w.run {
			t.apply(k, machine.RunAsked, w.cause)
		}
	case w.run || k.self() && !k.idle():
		if !t.held(k) {
			t.apply(k, machine.StartAsked, w.cause)
		}
	case s.state != event.Created:
		t.create(k)
	}
}

// create makes a command ready that waits for its start: it has no process.
func (t *Transaction) create(k *task) {
	k.seen.pid = 0
	t.sayProcess(k, Start, k.want.cause)
	t.apply(k, machine.CreateAsked, k.want.cause)
}
