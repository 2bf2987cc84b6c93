package tally

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"zmicroservices/services/gap"
	"zmicroservices/taskservice/lifecycle"
	"zmicroservices/taskservice/message"
)

// DefaultPrefix is what the names of metrics begin with.
const DefaultPrefix = "lifecycle_tally"

// The bounds, if Options have none.
const (
	DefaultMaxNodes      = 1_000_000
	DefaultMaxComponents = 1_000
	DefaultMaxVersions   = 10_000
)

// Options are what a Tally is made of. None is required.
type Options struct {
	Component string                 // the only one that is counted; "": every one
	Prefix    string                 // of the metrics' names; "": DefaultPrefix
	Horizon   time.Duration          // 0: gap.Horizon
	Say       func(gap.Notice) error // tells the bus of a missed alive; nil: nobody is told
	Logger    *slog.Logger           // nil: silent

	MaxNodes, MaxComponents, MaxVersions int // 0: the defaults
}

var metricName = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`)

// longestPrefix keeps names readable; Prometheus itself has no bound.
const longestPrefix = 100

// validate fills in defaults.
func (o *Options) validate() error {
	if o.Prefix == "" {
		o.Prefix = DefaultPrefix
	}
	if o.Horizon == 0 {
		o.Horizon = gap.Horizon
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	for _, most := range []struct {
		of       *int
		standard int
	}{{&o.MaxNodes, DefaultMaxNodes}, {&o.MaxComponents, DefaultMaxComponents}, {&o.MaxVersions, DefaultMaxVersions}} {
		if *most.of <= 0 {
			*most.of = most.standard
		}
	}
	switch {
	case !metricName.MatchString(o.Prefix) || len(o.Prefix) > longestPrefix:
		return fmt.Errorf("prefix %q begins no metric's name: letters, digits and _ are wanted, no digit first, at most %d", o.Prefix, longestPrefix)
	case o.Horizon < 0:
		return fmt.Errorf("horizon %s is negative", o.Horizon)
	case o.Component == "":
		return nil
	case !fit(o.Component, longestWord):
		return fmt.Errorf("component %q is not printable text of at most %d bytes", o.Component, longestWord)
	}
	_, err := lifecycle.Topic(lifecycle.Alive, o.Component)
	return err
}

// Tally counts. Its methods may be called from any goroutine.
type Tally struct {
	Options
	registry *prometheus.Registry

	mu     sync.Mutex // guards the rest
	alives *gap.Alives
	nodes  map[gap.Node]node // those that are counted in a version
	ledger *ledger
	wrong  wrong
}

// wrong are messages that were no events, until they are logged.
type wrong struct {
	count  int
	last   error
	logged time.Time
}

// NewTally makes one, with a registry of its own.
func NewTally(o Options) (*Tally, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	t := &Tally{
		Options:  o,
		registry: prometheus.NewRegistry(),
		alives:   gap.NewAlives(gap.AlivesOptions{Origin: time.Now(), Horizon: o.Horizon, Rank: gap.RankTally, Most: o.MaxNodes}),
		nodes:    map[gap.Node]node{},
		ledger:   newLedger(o.MaxComponents, o.MaxVersions),
	}
	if o.Component != "" { // what is asked for is shown from the first scrape on
		t.ledger.component(o.Component)
	}
	if err := t.register(); err != nil {
		return nil, fmt.Errorf("register metrics: %w", err)
	}
	return t, nil
}

// Topics are the prefixes of what Take wants to be given: events, and, of one that tells
// the bus of missed alives, what others tell.
func Topics(says bool) []string {
	if !says {
		return []string{lifecycle.Prefix}
	}
	return []string{lifecycle.Prefix, message.TopicControl}
}

// Take counts a frame of the bus that was received at that time. What is of no concern
// is passed over.
func (t *Tally) Take(frame []byte, now time.Time) {
	topic, payload, err := message.Split(frame)
	switch {
	case err == nil && topic == message.TopicControl:
		t.heard(payload, now)
	case err == nil && !strings.HasPrefix(topic, lifecycle.Prefix):
	case err != nil && (t.Component != "" || !bytes.HasPrefix(frame, []byte(lifecycle.Prefix))): // nobody knows whose it is
	case t.Component == "" || componentOf(topic) == t.Component:
		t.event(topic, payload, now)
	}
}

var aliveMissed = []byte(gap.AliveMissed)

// heard passes a notice of another observer on. Most of what is said on control is none.
func (t *Tally) heard(payload []byte, now time.Time) {
	if !bytes.Contains(payload, aliveMissed) {
		return
	}
	c, err := message.ParseControl(payload)
	if err != nil {
		return
	}
	if n, ok := gap.NoticeOf(c); ok {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.alives.Heard(n.Node, now)
	}
}

// event counts what came on a topic of events.
func (t *Tally) event(topic string, payload []byte, now time.Time) {
	began := time.Now()
	e, err := lifecycle.NewFromJSON(payload)
	if err == nil {
		err = t.check(e)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if err != nil {
		t.ledger.component(componentOf(topic)).errors++
		t.wrong.count++
		t.wrong.last = err
		return
	}
	c := t.ledger.component(e.Component())
	c.types[e.Type()]++
	c.good++
	t.process(c, e, now)
	c.processed++
	c.processing += time.Since(began)
}

var errElsewhere = errors.New("it is of another component than its topic")

// check looks at the words that become labels, or are remembered.
func (t *Tally) check(e *lifecycle.Event) error {
	switch {
	case t.Component != "" && e.Component() != t.Component:
		return errElsewhere
	case !fit(e.Component(), longestWord):
		return fmt.Errorf("component is not printable text of at most %d bytes", longestWord)
	case !fit(e.Identity(), longestIdentity):
		return fmt.Errorf("identity is not printable text of at most %d bytes", longestIdentity)
	}
	for _, v := range []string{e.Version(), e.NewVersion()} {
		if v != "" && !fit(v, longestWord) {
			return fmt.Errorf("version is not printable text of at most %d bytes", longestWord)
		}
	}
	return nil
}

// process acts on a good event. t.mu is held.
func (t *Tally) process(c *component, e *lifecycle.Event, now time.Time) {
	who := gap.Node{Component: e.Component(), Identity: e.Identity()}
	if c.name == who.Component {
		who.Component = c.name // one string for all nodes
	}
	if t.alives.Event(e, now) != nil {
		t.ledger.overflow[kindNode]++
		return
	}
	switch e.Type() {
	case lifecycle.Shutdown:
		t.remove(who)
	case lifecycle.Startup, lifecycle.Alive:
		t.runs(c, who, e.Version())
	case lifecycle.Upgraded:
		t.runs(c, who, e.NewVersion())
	}
}

// runs says which version a node has. t.mu is held.
func (t *Tally) runs(c *component, who gap.Node, name string) {
	if name == "" {
		name = unknown
	}
	before, known := t.nodes[who]
	if now := t.ledger.join(c, name, before); !known || now != before {
		t.nodes[who] = now
	}
}

// remove takes a node out of the gauge, and tells the component that it was counted in.
// t.mu is held.
func (t *Tally) remove(who gap.Node) *component {
	n, known := t.nodes[who]
	if !known {
		return nil
	}
	t.ledger.leave(n)
	delete(t.nodes, who)
	return n.component
}
