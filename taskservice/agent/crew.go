package agent

import (
	"bytes"
	"container/heap"
	"context"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"zmicroservices/taskservice/hippodamia"
	"zmicroservices/taskservice/message"
)

// crewInbox is how many messages wait for a crew that is busy. What finds no room is
// lost: a command is repeated by who sent it, a response by being asked for again.
const crewInbox = 256

// Line is what a crew needs of the bus; a *bus.Bus is one.
type Line interface {
	Publish(ctx context.Context, frame []byte) error
	Subscribe(ctx context.Context, prefix string) error
	Unsubscribe(prefix string)
	Connected() bool
}

// Crew drives agents over one connection, all of them in the goroutine of Run. The
// other methods may be called from any goroutine.
type Crew struct {
	line   Line
	topics hippodamia.Topics
	log    *slog.Logger
	inbox  chan []byte // sent to by Hear, never closed
	wake   chan struct{}
	missed atomic.Uint64

	individual, command []byte // what frames for agents begin with

	mu      sync.Mutex // guards the rest; never held while waiting
	members map[*Member]struct{}
	byUUID  map[string]*Member // those who listen to a topic of their own
	times   schedule
	errands []errand // subscriptions to be made and ended, in order
	users   int      // members that listen to commands
}

// Member is one agent of a crew.
type Member struct {
	crew    *Crew
	agent   *Agent
	entered func(State)
	at      time.Time // when it wants a Tick
	index   int       // in crew.times; -1: not there
	hearing bool      // it has asked for the subscription to commands
}

// errand is what has to be done at the bus and may take its time.
type errand struct {
	topic string
	off   bool    // unsubscribe
	done  *Member // told Subscribed after it; nil: nobody
}

// NewCrew makes an empty crew; log may be nil.
func NewCrew(line Line, topics hippodamia.Topics, log *slog.Logger) *Crew {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Crew{
		line: line, topics: topics, log: log,
		inbox:      make(chan []byte, crewInbox),
		wake:       make(chan struct{}, 1), // a second token would say nothing new
		individual: []byte(topics.Individual("")), command: []byte(topics.Command()),
		members: map[*Member]struct{}{}, byUUID: map[string]*Member{},
	}
}

// Add begins the life of an agent, whose topics are those of the crew. entered is told
// each state that it enters, in the goroutine of the cause; it may be nil, and must
// neither wait nor call the crew.
func (c *Crew) Add(a *Agent, entered func(State)) *Member {
	m := &Member{crew: c, agent: a, entered: entered, index: -1}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.members[m] = struct{}{}
	m.step(Event{Kind: Begin})
	return m
}

// Hear takes a frame of the bus. It never waits.
func (c *Crew) Hear(frame []byte) {
	switch {
	case bytes.HasPrefix(frame, c.command):
	case !bytes.HasPrefix(frame, c.individual), !c.awaits(frame):
		return // of a task that listens to more, or of somebody else's agent
	}
	select {
	case c.inbox <- frame:
	default:
		c.missed.Add(1)
	}
}

// awaits says that a response is for one of the crew.
func (c *Crew) awaits(frame []byte) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.byUUID[strings.TrimPrefix(message.Topic(frame), c.topics.Individual(""))] != nil
}

// Missed counts the frames that found no room.
func (c *Crew) Missed() uint64 { return c.missed.Load() }

// Rejoined says that the bus was away and is there again.
func (c *Crew) Rejoined() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for m := range c.members {
		m.step(Event{Kind: Back})
	}
}

// Reconfigured says that the microservice has another configuration.
func (m *Member) Reconfigured() {
	m.crew.mu.Lock()
	defer m.crew.mu.Unlock()
	m.step(Event{Kind: Reconfigured})
}

// End says goodbye, with a reason, and leaves the crew. It returns when that is on its
// way, without waiting for anybody; a second one does nothing.
func (m *Member) End(reason string) {
	c := m.crew
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, there := c.members[m]; !there {
		return
	}
	m.step(Event{Kind: Ending, Reason: reason})
	m.leave()
}

// Leave takes an agent out of the crew without a word: its will speaks for it, or
// someone else.
func (m *Member) Leave() {
	m.crew.mu.Lock()
	defer m.crew.mu.Unlock()
	m.leave()
}

// State is where the agent is in its life, GID the gid it has, or "".
func (m *Member) State() State {
	m.crew.mu.Lock()
	defer m.crew.mu.Unlock()
	return m.agent.State()
}

// GID is the gid of the microservice, "" before it was onboarded.
func (m *Member) GID() string {
	m.crew.mu.Lock()
	defer m.crew.mu.Unlock()
	return m.agent.GID()
}

func (m *Member) leave() {
	c := m.crew
	delete(c.members, m)
	for _, topic := range m.agent.Listens() {
		c.unsubscribe(m, topic)
	}
	m.arm(time.Time{})
}

// Run drives the agents until ctx ends, whose error it returns.
func (c *Crew) Run(ctx context.Context) error {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		if err := c.runErrands(ctx); err != nil {
			return err
		}
		timer.Reset(c.untilNext())
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-c.wake:
		case frame := <-c.inbox:
			c.deliver(frame)
		case <-timer.C:
			c.tick()
		}
	}
}

// untilNext is how long nobody wants a Tick.
func (c *Crew) untilNext() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.times) == 0 {
		return 24 * time.Hour
	}
	return time.Until(c.times[0].at)
}

func (c *Crew) tick() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for now := time.Now(); len(c.times) > 0 && !now.Before(c.times[0].at); {
		m := c.times[0]
		m.arm(time.Time{})
		m.step(Event{Kind: Tick})
	}
}

// deliver gives a message to whom it concerns.
func (c *Crew) deliver(frame []byte) {
	topic, payload, err := message.Split(frame)
	if err != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	ev := Event{Kind: Heard, Topic: topic, Payload: payload}
	if uuid, own := strings.CutPrefix(topic, c.topics.Individual("")); own {
		if m := c.byUUID[uuid]; m != nil {
			m.step(ev)
		}
		return
	}
	if strings.HasPrefix(topic, c.topics.Command()) {
		for m := range c.members {
			m.step(ev)
		}
	}
}

// runErrands does what may take its time: a subscription returns when the forwarder has
// acted on it.
func (c *Crew) runErrands(ctx context.Context) error {
	for {
		c.mu.Lock()
		if len(c.errands) == 0 {
			c.mu.Unlock()
			return nil
		}
		e := c.errands[0]
		c.errands = c.errands[1:]
		c.mu.Unlock()
		switch {
		case e.off:
			c.line.Unsubscribe(e.topic)
		case e.topic != "":
			if err := c.line.Subscribe(ctx, e.topic); err != nil && ctx.Err() == nil {
				c.log.Warn("agent does not hear its watchdog", "topic", e.topic, "err", err)
			}
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if e.done != nil {
			c.mu.Lock()
			e.done.step(Event{Kind: Subscribed})
			c.mu.Unlock()
		}
	}
}

// nowait publishes what fits at once.
var nowait = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()

// step lets the agent take an event and carries the effects out; c.mu is held.
func (m *Member) step(ev Event) {
	c := m.crew
	subscribed := false
	for _, e := range m.agent.Step(time.Now(), ev) {
		switch e.Do {
		case Subscribe:
			subscribed = true
			c.subscribe(m, e.Topic)
		case Unsubscribe:
			c.unsubscribe(m, e.Topic)
		case Publish:
			if !e.Last && !c.line.Connected() {
				continue // what is said of now is worth nothing later
			}
			if err := c.line.Publish(nowait, message.Join(e.Topic, e.Payload)); err != nil {
				c.log.Debug("agent was not heard", "topic", e.Topic, "err", err)
			}
		case Arm:
			m.arm(e.At)
		case Enter:
			if m.entered != nil {
				m.entered(e.State)
			}
		}
	}
	if subscribed {
		c.errand(errand{done: m})
	}
}

// subscribe makes errands of subscriptions. All share the one to commands.
func (c *Crew) subscribe(m *Member, topic string) {
	if topic == c.topics.Command() {
		if !m.hearing {
			m.hearing = true
			c.users++
		}
		c.errand(errand{topic: topic}) // the bus knows it after the first
		return
	}
	c.byUUID[m.agent.UUID()] = m
	c.errand(errand{topic: topic})
}

func (c *Crew) unsubscribe(m *Member, topic string) {
	if topic == c.topics.Command() {
		if !m.hearing {
			return
		}
		m.hearing = false
		if c.users--; c.users > 0 {
			return
		}
	} else {
		uuid := strings.TrimPrefix(topic, c.topics.Individual(""))
		if c.byUUID[uuid] != m {
			return
		}
		delete(c.byUUID, uuid)
	}
	c.errand(errand{topic: topic, off: true})
}

func (c *Crew) errand(e errand) {
	c.errands = append(c.errands, e)
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// arm says when the agent wants its next Tick; zero: never.
func (m *Member) arm(at time.Time) {
	c := m.crew
	m.at = at
	switch {
	case at.IsZero() && m.index >= 0:
		heap.Remove(&c.times, m.index)
	case at.IsZero():
	case m.index >= 0:
		heap.Fix(&c.times, m.index)
	default:
		heap.Push(&c.times, m)
	}
	if len(c.times) > 0 && c.times[0] == m {
		select {
		case c.wake <- struct{}{}:
		default:
		}
	}
}

// schedule is a heap of members, the one that wants its Tick first on top.
type schedule []*Member

func (s schedule) Len() int           { return len(s) }
func (s schedule) Less(i, j int) bool { return s[i].at.Before(s[j].at) }
func (s schedule) Swap(i, j int) {
	s[i], s[j] = s[j], s[i]
	s[i].index, s[j].index = i, j
}

// Push adds a member, for package heap.
func (s *schedule) Push(x any) {
	m := x.(*Member)
	m.index = len(*s)
	*s = append(*s, m)
}

// Pop removes the last one, for package heap.
func (s *schedule) Pop() any {
	old := *s
	m := old[len(old)-1]
	old[len(old)-1] = nil
	*s = old[:len(old)-1]
	m.index = -1
	return m
}
