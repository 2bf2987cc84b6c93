package agent

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/google/uuid"

	"zmicroservices/taskservice/hippodamia"
)

// Defaults of Options.
const (
	DefaultPing  = 60 * time.Second
	DefaultSplay = time.Second
	// runtimePings is how many pings there are to one runtime message.
	runtimePings = 10
)

// longestGID bounds what somebody else makes us say with each ping. A UUID has 36 bytes.
const longestGID = 128

// Bounds of the pause before a request is said again.
const (
	firstRetry = 2 * time.Second
	lastRetry  = 60 * time.Second
	// soonest is how close two requests may come, however many commands call.
	soonest = 500 * time.Millisecond
)

// Options are who an agent speaks for, and when.
type Options struct {
	// The identity: these four make the gid, see hippodamia.GID.
	Type, Name, Host, ConfigID string

	Version string
	PID     int
	GID     string // known from an earlier life; usually empty

	Topics  hippodamia.Topics
	Ping    time.Duration // between two pings; 0: 60 s
	Runtime time.Duration // between two runtime messages; 0: ten pings
	Splay   time.Duration // within which it comes back to a bus that was away; 0: 1 s
	Will    bool          // lay one down on the bus, see WillTopic

	// Info is how the microservice is, Config how it is configured, of which Mask is
	// said. Both are called by Step; nil: nothing is known.
	Info   func(now time.Time) hippodamia.RuntimeInfo
	Config func() map[string]any

	// Quiet says that the microservice shows no life of its own, though its process is
	// there: then the agent tells none of it. It is called by Step; nil: it never is.
	Quiet func() bool

	// NewUUID and Random (in [0, 1)) are for tests; nil: UUID v4, math/rand.
	NewUUID func() string
	Random  func() float64
}

// Agent is one agent. It is not for use by two goroutines at once.
type Agent struct {
	o      Options
	state  State
	uuid   string
	gid    string
	seq    uint64
	reason string // of the end

	// When what is due; zero: never.
	begin, retry, ping, runtime time.Time

	pause     time.Duration // before the next retry, without jitter
	requested time.Time     // when a request was said last
	armed     time.Time     // what the last Arm said
	rejected  uint64
}

// New makes an agent, which does nothing until its first Step.
func New(o Options) *Agent {
	o.Ping = cmp.Or(o.Ping, DefaultPing)
	o.Runtime = cmp.Or(o.Runtime, runtimePings*o.Ping)
	o.Splay = cmp.Or(o.Splay, DefaultSplay)
	if o.NewUUID == nil {
		o.NewUUID = uuid.NewString
	}
	if o.Random == nil {
		o.Random = rand.Float64
	}
	return &Agent{o: o, uuid: o.NewUUID(), gid: o.GID}
}

// State is where the agent is in its life.
func (a *Agent) State() State { return a.state }

// UUID is that of its present start.
func (a *Agent) UUID() string { return a.uuid }

// GID is that of the microservice, "" before it was first onboarded.
func (a *Agent) GID() string { return a.gid }

// Rejected counts what came for the agent and could not be read.
func (a *Agent) Rejected() uint64 { return a.rejected }

// Listens are the topics, and prefixes of topics, that a beginning agent subscribes
// to. Who subscribes to them as it joins the bus spares the agent a round trip.
func (a *Agent) Listens() []string {
	return []string{a.o.Topics.Individual(a.uuid), a.o.Topics.Command()}
}

// Kind is what an event is about.
type Kind uint8

// The kinds of events.
const (
	Begin        Kind = iota // the agent's life begins
	Subscribed               // all Subscribe effects have taken effect
	Heard                    // a message came: Topic and Payload
	Tick                     // the time of the last Arm has come
	Reconfigured             // the microservice has another configuration
	Back                     // the bus was away and is there again
	Ending                   // the microservice ends: Reason
)

// Event is what has happened.
type Event struct {
	Kind    Kind
	Topic   string
	Payload []byte
	Reason  string
}

// Do is what an effect asks for.
type Do uint8

// What there is to do.
const (
	Subscribe Do = iota
	Unsubscribe
	Publish
	Arm
	Enter
)

// Effect is one thing to do. All of a step are done in their order.
type Effect struct {
	Do      Do
	Topic   string    // of Subscribe, Unsubscribe, Publish
	Payload []byte    // of Publish: JSON
	Last    bool      // of Publish: it is worth to be said even while the bus is away
	At      time.Time // of Arm; zero: never
	State   State     // of Enter
}

// Step takes one event, and returns what is to be done about it.
func (a *Agent) Step(now time.Time, ev Event) []Effect {
	var out []Effect
	switch ev.Kind {
	case Begin:
		if a.state == Uninitialized && a.begin.IsZero() {
			a.begin = now
		}
	case Tick:
		a.armed = time.Time{} // it has been used up
	case Subscribed:
		out = a.take(now, Listening, out)
	case Heard:
		if in, ok := a.hear(ev.Topic, ev.Payload); ok {
			out = a.take(now, in, out)
		}
	case Reconfigured:
		out = a.take(now, ConfigChanged, out)
	case Back:
		a.pause = 0
		out = a.take(now, BusBack, out)
	case Ending:
		a.reason = ev.Reason
		out = a.take(now, EndAsked, out)
	}
	out = a.tick(now, out)
	if next := a.next(); !next.Equal(a.armed) {
		a.armed = next
		out = append(out, Effect{Do: Arm, At: next})
	}
	return out
}

// tick takes what is due. Each input clears or moves its time, so it ends.
func (a *Agent) tick(now time.Time, out []Effect) []Effect {
	for _, due := range []struct {
		at *time.Time
		in Input
	}{{&a.begin, BeginDue}, {&a.retry, RetryDue}, {&a.ping, PingDue}, {&a.runtime, RuntimeDue}} {
		if !due.at.IsZero() && !now.Before(*due.at) {
			*due.at = time.Time{}
			out = a.take(now, due.in, out)
		}
	}
	return out
}

// next is when something is due; zero if nothing is.
func (a *Agent) next() time.Time {
	var at time.Time
	for _, t := range []time.Time{a.begin, a.retry, a.ping, a.runtime} {
		if !t.IsZero() && (at.IsZero() || t.Before(at)) {
			at = t
		}
	}
	return at
}

// take asks the table and acts.
func (a *Agent) take(now time.Time, in Input, out []Effect) []Effect {
	next, acts, known := Next(a.state, in)
	if !known {
		return out
	}
	entered := next != a.state
	a.state = next
	if entered {
		a.begin, a.retry, a.ping, a.runtime = time.Time{}, time.Time{}, time.Time{}, time.Time{}
	}
	for _, act := range acts {
		out = a.act(now, act, out)
	}
	if entered {
		out = append(out, Effect{Do: Enter, State: next})
	}
	return out
}

// hear says what a message means. Commands are for one gid, or for all.
func (a *Agent) hear(topic string, payload []byte) (Input, bool) {
	if topic == a.o.Topics.Individual(a.uuid) {
		r, err := hippodamia.Parse[hippodamia.OnboardingResponse](payload)
		if err != nil || len(r.GID) > longestGID {
			a.rejected++
			return 0, false
		}
		if r.UUID != a.uuid || a.state != Onboarding {
			return 0, false
		}
		a.gid = r.GID
		return Answered, true
	}
	commands := []string{a.o.Topics.CommandPing(), a.o.Topics.CommandRuntime(), a.o.Topics.CommandConfig(), a.o.Topics.CommandOnboarding()}
	i := slices.Index(commands, topic)
	if i < 0 {
		return 0, false
	}
	c, err := hippodamia.Parse[hippodamia.Command](payload)
	if err != nil {
		a.rejected++
		return 0, false
	}
	if c.GID != "" && c.GID != a.gid {
		return Called, true
	}
	return []Input{PingAsked, RuntimeAsked, ConfigAsked, OnboardAsked}[i], true
}
