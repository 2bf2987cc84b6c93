package herald

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"zmicroservices/context/event"
	"zmicroservices/taskservice/agent"
	"zmicroservices/taskservice/hippodamia"
	"zmicroservices/taskservice/lifecycle"
)

// Bus takes what is said. Publish must not wait for any subscriber.
type Bus interface {
	Wanted(topic string) bool
	Publish(frame []byte) error
}

// Options are what a Herald works with. All but Version and Gone are required.
type Options struct {
	Host    string
	Version string // of task services that are configured with none
	Topics  hippodamia.Topics
	Ping    time.Duration // between two pings of an agent
	Alive   time.Duration // between two alive events
	Bus     Bus
	View    func(event.TransactionID) *event.View // nil: there is none
	Views   func() []*event.View
	// ConfigID is the configuration that a process was told to run with.
	ConfigID func(event.Ref) string
	// Gone is told of a process that has ended, before anything is said about it; died:
	// without having been told to, and without success. nil: nobody has to know.
	Gone   func(ref event.Ref, died bool)
	Logger *slog.Logger
}

// maxWaiting bounds the Changes that wait. Who is that far behind looks at the Views anew.
const maxWaiting = 1 << 16

// Herald speaks for task services.
type Herald struct {
	opts  Options
	crew  *agent.Crew
	woken chan struct{} // capacity 1: there is something to do; sent by many, never closed

	mu         sync.Mutex // guards all below; not held while anything is published
	waiting    []event.Change
	lagged     bool // some did not find room
	subscribed bool // perhaps somebody listens by now to whom nobody spoke
	leaving    []event.Ref
	known      []*late
	lives      map[event.Ref]*life
	identities map[string]*life
	uuids      map[string]*onboarding
	early      []contact // of processes that no View shows yet, oldest first
	answers    answers

	times times          // owned by Run
	late  map[*late]bool // the same
}

// New makes a Herald. Run makes it live.
func New(o Options) (*Herald, error) {
	if o.Host == "" || o.Ping <= 0 || o.Alive <= 0 || o.Bus == nil || o.View == nil || o.Views == nil || o.ConfigID == nil || o.Logger == nil {
		return nil, errors.New("herald: Host, Ping, Alive, Bus, View, Views, ConfigID and Logger are required")
	}
	if o.Gone == nil {
		o.Gone = func(event.Ref, bool) {}
	}
	if o.Version == "" {
		o.Version = "unknown"
	}
	return &Herald{
		opts: o, crew: agent.NewCrew(line{o.Bus}, o.Topics, o.Logger), woken: make(chan struct{}, 1),
		late: map[*late]bool{}, lives: map[event.Ref]*life{}, identities: map[string]*life{}, uuids: map[string]*onboarding{},
	}, nil
}

// Record takes a Change. It never waits.
func (h *Herald) Record(c event.Change) {
	if !isBeginning(c) && !isEnd(c) {
		return
	}
	h.mu.Lock()
	if len(h.waiting) < maxWaiting {
		h.waiting = append(h.waiting, c)
	} else {
		h.lagged = true
	}
	h.mu.Unlock()
	h.wake()
}

// isBeginning says that a task service has become ready.
func isBeginning(c event.Change) bool { return c.To == event.Started && c.From != event.Started }

// isEnd says that a process has ended, or is no more. Several Changes may say it.
func isEnd(c event.Change) bool {
	switch c.Event {
	case "exited clean", "exited badly", "all gone":
		return true
	}
	return false
}

// Subscribed is told of every subscription: agents begin when they may be heard.
func (h *Herald) Subscribed(prefix []byte) {
	contact := h.opts.Topics.Contact()
	if n := min(len(prefix), len(contact)); string(prefix[:n]) != contact[:n] {
		return
	}
	h.mu.Lock()
	h.subscribed = true
	h.mu.Unlock()
	h.wake()
}

func (h *Herald) wake() {
	select {
	case h.woken <- struct{}{}:
	default:
	}
}

// Run speaks until ctx ends, and then says what waits.
func (h *Herald) Run(ctx context.Context) error {
	var running sync.WaitGroup
	running.Go(func() { _ = h.crew.Run(ctx) }) // ends with ctx
	defer running.Wait()
	h.look()
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		timer.Reset(h.work())
		select {
		case <-ctx.Done():
			h.work()
			return nil
		case <-h.woken:
		case <-timer.C:
		}
	}
}

// work does all there is to do, and gives the time until there is more.
func (h *Herald) work() time.Duration {
	h.mu.Lock()
	waiting, lagged, leaving, known, subscribed := h.waiting, h.lagged, h.leaving, h.known, h.subscribed
	h.waiting, h.lagged, h.leaving, h.known, h.subscribed = nil, false, nil, nil, false
	h.mu.Unlock()
	for _, c := range waiting {
		ref := event.Ref{Transaction: c.Transaction, Task: c.Task, Incarnation: c.Incarnation}
		if isBeginning(c) {
			h.begun(ref)
		}
		if isEnd(c) {
			h.ended(ref, c)
		}
	}
	if lagged {
		h.look()
	}
	for _, ref := range leaving {
		if l := h.life(ref); l != nil && l.agent != nil {
			l.agent.Leave() // it speaks for itself
			l.self = true
		}
	}
	for _, x := range known {
		h.bury(x)
	}
	if subscribed {
		h.engage()
	}
	return h.beat(time.Now())
}

// look takes in who is there: at the beginning, after an earlier provider, and whenever
// it has missed what happened.
func (h *Herald) look() {
	there := map[event.Ref]bool{}
	for _, v := range h.opts.Views() {
		for _, t := range v.Tasks {
			ref := event.Ref{Transaction: v.Transaction, Task: t.ID, Incarnation: t.Incarnation}
			if t.Present {
				there[ref] = true
			}
			if t.Present && t.State == event.Started {
				if l := h.life(ref); l == nil || l.self {
					l = h.enter(ref, t)
					l.up, l.before = true, true // who was there before us has said so
				}
			}
		}
	}
	for _, ref := range h.refs() {
		if !there[ref] {
			h.ended(ref, event.Change{To: event.Failed})
		}
	}
	h.engage()
}

// begun says that a task service has started.
func (h *Herald) begun(ref event.Ref) {
	h.recall(ref)
	l := h.life(ref)
	if l == nil {
		t := h.task(ref)
		if t == nil || !t.Present {
			return // it is over by now
		}
		l = h.enter(ref, t)
	}
	known := l.up
	if l.up = true; l.self || known {
		return
	}
	h.succeed(l)
	h.say(l, lifecycle.Startup)
	h.employ(l)
}

// ended says that a process is no more, unless it was said.
func (h *Herald) ended(ref event.Ref, c event.Change) {
	died := c.To == event.Failed
	h.opts.Gone(ref, died)
	h.recall(ref)
	reason := hippodamia.ReasonLastWill
	if !died {
		reason = "stopped: " + c.Cause.String()
	}
	l := h.life(ref)
	if l == nil {
		if t := h.task(ref); t != nil && !t.Self && c.From == event.Started { // it ended before we looked
			h.obituary(h.newLife(ref, t), t, reason)
		}
		return
	}
	silent, said := h.leave(l)
	if l.before && !l.self && (l.agent == nil || l.agent.State() != agent.Active) {
		if l.agent != nil {
			l.agent.Leave()
		}
		if t := h.task(ref); t != nil {
			h.obituary(l, t, reason)
			return
		}
	}
	if l.agent != nil {
		l.agent.End(reason)
	}
	for _, o := range silent {
		h.sayEnd(o.gid, o.uuid, reason)
	}
	if l.up && !said {
		h.say(l, lifecycle.Shutdown)
	}
}

// task is the picture of a task service, if this process is still its latest.
func (h *Herald) task(ref event.Ref) *event.TaskView {
	v := h.opts.View(ref.Transaction)
	if v == nil {
		return nil
	}
	if t := v.Task(ref.Task); t != nil && t.Incarnation == ref.Incarnation {
		return t
	}
	return nil
}

// splay is a random part of an interval: what began together is not to speak together.
func splay(d time.Duration) time.Duration { return time.Duration(rand.Float64() * float64(d)) }
