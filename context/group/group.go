package group

import (
	"container/heap"
	"context"
	"errors"
	"log/slog"
	"time"

	"zmicroservices/conf"
	"zmicroservices/context/event"
	"zmicroservices/taskservice/message"
)

// ErrEnded says that the group's loop has ended.
var ErrEnded = errors.New("transaction has ended")

// Bus takes what the supervisor says. Publish may be called from one goroutine
// at a time and must not wait for any subscriber. Wanted says whether there is one
// for a topic: what nobody hears is not written.
type Bus interface {
	Wanted(topic string) bool
	Publish(frame []byte) error
}

// Launcher makes and ends processes. Its methods only hand on: what came of it
// returns as Spawned, SpawnFailed, Exited and Gone through Group.Put. They are
// called from the loop, in order.
type Launcher interface {
	Launch(l Launch)
	Hook(h Hook)
	End(e End)
}

// Clock tells when the times of schedules come, as event.Due through Group.Put.
// Its methods are called from the loop and must not block.
type Clock interface {
	// Arm tells the times after the one given, in place of what was armed for the
	// task service before. An interval counts from since.
	Arm(id event.TransactionID, task event.TaskID, s *conf.Schedule, since, after time.Time) error
	Disarm(id event.TransactionID, task event.TaskID)
}

// Prober looks after processes: their probes, and what they publish.
type Prober interface {
	Watch(w Watch)
	Expect(e Expect)
	Limit(l Limit)
	Unwatch(r event.Ref)
}

// Collaborators are what a Group works with. The first four are required.
type Collaborators struct {
	Bus      Bus
	Launcher Launcher
	Logger   *slog.Logger
	// Answered says an outcome to whoever asked, after all that led to it. It
	// must not block.
	Answered func(event.Outcome)

	// Changed is told after every batch of steps, when View shows them. It must
	// not block.
	Changed func([]event.Change)
	// Record is told of every change, in order and before the outcome that it
	// leads to. It must not block.
	Record func(event.Change)
	// Keep is told what is to be kept for a later provider: the latest of a task
	// service counts. It must not block.
	Keep func(Saved)
	// Forget is told what is to be kept no more. It must not block.
	Forget func(event.TaskID)
	// Clock is asked for the times of schedules; nil: no schedule ever runs.
	Clock Clock
	// Prober is asked for the verdicts of probes, which come as event.Probed, and
	// for the judgement of expectations (event.Unmet); nil if no task service has any. Its methods must not block.
	Prober Prober
	// Original: say nothing on the bus that the original did not, but for outcomes.
	Original bool
}

func (c Collaborators) validate() error {
	if c.Bus == nil || c.Launcher == nil || c.Logger == nil || c.Answered == nil {
		return errors.New("group: a collaborator is missing: Bus, Launcher, Logger and Answered are required")
	}
	return nil
}

// Group runs one transaction.
type Group struct {
	with  Collaborators
	inbox *inbox
	board *board
	id    event.TransactionID

	// owned by Run
	t       *Transaction
	timers  timers
	resumed []Effect // of a Restore
}

// New makes a group; Run makes it live.
func New(o Options, with Collaborators) (*Group, error) {
	if err := with.validate(); err != nil {
		return nil, err
	}
	t, err := NewTransaction(o, time.Now())
	if err != nil {
		return nil, err
	}
	return &Group{with: with, inbox: newInbox(), board: newBoard(t.View()), id: o.Transaction, t: t}, nil
}

// Resume makes a group that goes on where an earlier provider was; see
// Transaction.Restore. What is to be done at once is done when Run begins.
func Resume(o Options, with Collaborators, began time.Time, seq uint64, saved []Saved) (*Group, error) {
	g, err := New(o, with)
	if err != nil {
		return nil, err
	}
	g.resumed = g.t.Restore(time.Now(), began, seq, saved)
	g.board.view = g.t.View()
	return g, nil
}

// ID is the transaction's identifier.
func (g *Group) ID() event.TransactionID { return g.id }

// Put leaves an exit, a request or another event that must not wait. It says
// false when the group has ended.
func (g *Group) Put(e event.Event) bool { return g.inbox.put(e) }

// Notice leaves a service's own word. It waits while too many are unread, so
// that its publisher, and nobody else, is slowed down.
func (g *Group) Notice(ctx context.Context, n event.Notice) error { return g.inbox.notice(ctx, n) }

// Waiting is how many words of services the loop has not read yet.
func (g *Group) Waiting() int { return len(g.inbox.room) }

// View is the latest picture. It never waits for the loop.
func (g *Group) View() *event.View { return g.board.latest() }

// Watch begins to read: a View, then every Change after it.
func (g *Group) Watch() *Watcher { return g.board.watch() }

// Run owns the transaction until ctx ends. It does not end the processes: ask
// for Exit first and wait for its outcome.
func (g *Group) Run(ctx context.Context) error {
	defer func() {
		for _, e := range g.inbox.close() {
			if m, ok := e.(mark); ok {
				m.reached() // whoever waits for it waits no more
			}
		}
		close(g.board.gone)
	}()
	g.carryOut(g.resumed)
	g.resumed = nil
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		batch := g.inbox.take()
		if len(batch) == 0 {
			timer.Reset(g.timers.next())
			select {
			case <-g.inbox.wake:
			case <-timer.C:
			case <-ctx.Done():
				return nil
			}
		}
		g.steps(append(batch, g.timers.due(time.Now())...))
	}
}

// steps feeds a batch to the transaction, shows readers the result once, and then
// performs what it wants done. In this order a process that it makes cannot say
// its first word before the View knows of it.
func (g *Group) steps(batch []event.Event) {
	if len(batch) == 0 {
		return
	}
	var effects []Effect
	var marks []mark
	for _, e := range batch {
		if m, ok := e.(mark); ok {
			marks = append(marks, m)
			continue
		}
		effects = append(effects, g.t.Step(time.Now(), e)...)
	}
	g.carryOut(effects)
	for _, m := range marks {
		m.reached()
	}
}

// mark is a place among the events.
type mark struct{ reached func() }

// About implements event.Event.
func (mark) About() event.TaskID { return "" }

// After calls reached when all that was put before has been carried out and
// recorded; at once if the group has ended. reached must not block.
func (g *Group) After(reached func()) {
	if !g.inbox.put(mark{reached}) {
		reached()
	}
}

// carryOut shows and performs the effects of some steps.
func (g *Group) carryOut(effects []Effect) {
	var changes []event.Change
	for _, effect := range effects {
		if r, ok := effect.(Record); ok {
			changes = append(changes, r.Change)
		}
	}
	g.board.post(g.t.View(), changes)
	var answers []Answer
	for _, effect := range effects {
		if a, ok := effect.(Answer); ok {
			answers = append(answers, a) // when what led to it was kept
			continue
		}
		g.perform(effect)
	}
	for _, a := range answers {
		g.perform(a)
	}
	if g.with.Changed != nil && len(changes) > 0 {
		g.with.Changed(changes)
	}
}

// record writes the one log line that a change has.
func (g *Group) record(c event.Change) {
	level := slog.LevelInfo
	switch {
	case c.Event == "refused":
		level = slog.LevelWarn
	case c.From == c.To:
		level = slog.LevelDebug
	case c.To == event.Failed:
		level = slog.LevelWarn
	}
	if g.with.Logger.Enabled(context.Background(), level) {
		facts := []any{
			"transaction", c.Transaction, "task", c.Task, "from", c.From.String(), "to", c.To.String(),
			"event", c.Event, "cause", c.Cause.String(),
		}
		if c.PID > 0 {
			facts = append(facts, "pid", c.PID)
		}
		if c.Reason != "" {
			facts = append(facts, "reason", c.Reason)
		}
		g.with.Logger.Log(context.Background(), level, "task changed state", facts...)
	}
	if g.with.Record != nil {
		g.with.Record(c)
	}
}

func (g *Group) perform(effect Effect) {
	switch e := effect.(type) {
	case Record:
		g.record(e.Change)
	case SayProcess:
		g.say(message.TopicProcess, g.process(e.Task, e.Action, e.Object, e.Cause))
	case SayControl:
		if e.Ours && g.with.Original {
			return
		}
		g.say(message.TopicControl, message.Control{
			Header: message.Header{
				Action: e.Action, ServiceID: e.Task.ID, ServiceName: e.Task.ServiceName,
				Transaction: string(g.id), RequestID: g.requestID(e.Cause),
			},
			Status: e.Status,
		})
	case Launch:
		// The service learns from its environment what the bus was told.
		e.Object = g.process(e.Task, Start, e.Object, e.Cause).Filled()
		g.with.Launcher.Launch(e)
	case Hook:
		g.with.Launcher.Hook(e)
	case End:
		g.with.Launcher.End(e)
	case Watch:
		if g.with.Prober != nil {
			e.Object = g.process(e.Task, Start, e.Object, e.Cause).Filled()
			g.with.Prober.Watch(e)
		}
	case Expect:
		if g.with.Prober != nil {
			g.with.Prober.Expect(e)
		}
	case Limit:
		if g.with.Prober != nil {
			g.with.Prober.Limit(e)
		}
	case Unwatch:
		if g.with.Prober != nil {
			g.with.Prober.Unwatch(e.Ref)
		}
	case Wake:
		heap.Push(&g.timers, e)
	case Arm:
		g.arm(e)
	case Disarm:
		if g.with.Clock != nil {
			g.with.Clock.Disarm(g.id, e.Ref.Task)
		}
	case Save:
		if g.with.Keep != nil {
			g.with.Keep(e.Saved)
		}
	case Forget:
		if g.with.Forget != nil {
			g.with.Forget(e.Task)
		}
	case Answer:
		g.with.Answered(e.Outcome)
	}
}

// arm asks for the times of a schedule. conf has checked it, so that a refusal is
// of a zone that the machine has lost.
func (g *Group) arm(a Arm) {
	if g.with.Clock == nil {
		return
	}
	if err := g.with.Clock.Arm(g.id, a.Ref.Task, a.Schedule, a.Since, a.After); err != nil {
		g.with.Logger.Error("schedule will not run", "transaction", g.id, "task", a.Ref.Task, "err", err)
	}
}

// process is a task object as it is said on the process topic.
func (g *Group) process(task *conf.Task, a Action, object map[string]any, c event.Cause) message.Process {
	return message.Process{
		Header: message.Header{
			Action: string(a), ServiceID: task.ID, ServiceName: task.ServiceName,
			Transaction: string(g.id), RequestID: g.requestID(c),
		},
		Object: object,
	}
}

func (g *Group) requestID(c event.Cause) string {
	if g.with.Original {
		return ""
	}
	return c.Request
}

func (g *Group) say(topic string, m interface{ Frame() ([]byte, error) }) {
	if !g.with.Bus.Wanted(topic) {
		return
	}
	frame, err := m.Frame()
	if err == nil {
		err = g.with.Bus.Publish(frame)
	}
	if err != nil {
		g.with.Logger.Error("message not published", "transaction", g.id, "err", err)
	}
}

// timers are the deadlines that are waited for, the next first.
type timers []Wake

func (t timers) Len() int           { return len(t) }
func (t timers) Less(i, j int) bool { return t[i].At.Before(t[j].At) }
func (t timers) Swap(i, j int)      { t[i], t[j] = t[j], t[i] }
func (t *timers) Push(x any)        { *t = append(*t, x.(Wake)) }
func (t *timers) Pop() any {
	last := len(*t) - 1
	x := (*t)[last]
	*t = (*t)[:last]
	return x
}

// next is the time until the first deadline; an hour when there is none.
func (t timers) next() time.Duration {
	if len(t) == 0 {
		return time.Hour
	}
	return max(0, time.Until(t[0].At))
}

// due takes the deadlines that have passed.
func (t *timers) due(now time.Time) []event.Event {
	var out []event.Event
	for t.Len() > 0 && !(*t)[0].At.After(now) {
		out = append(out, heap.Pop(t).(Wake).Event)
	}
	return out
}
