package conf

import (
	"math"
	"time"
)

// Limit is our <limit> element: a measure of a service, how long it may be
// exceeded, and what happens then. Exactly one measure is set.
type Limit struct {
	Pos         Pos           `json:"-"`
	RSS         int64         // bytes
	CPU         float64       // percent of one core
	FDs         int           // open file descriptors
	Connections int           // sockets
	Age         time.Duration // since the start of the process
	For         time.Duration
	Action      string // restart, stop, notify
}

// Expect is our <expect> element: the traffic that a service owes the bus.
type Expect struct {
	Pos    Pos `json:"-"`
	Topic  string
	Min    float64       // messages a second; 0 is none
	Max    float64       // messages a second; 0 is none
	Age    time.Duration // of the newest message
	Within time.Duration // after the start
}

// defaultLimitFor is how long a measure may be over its limit.
const defaultLimitFor = 30 * time.Second

func (r *reader) limit(n *node) Limit {
	l := Limit{Pos: n.pos, For: defaultLimitFor}
	r.exactlyOne(n, "rss", "cpu", "fds", "connections", "age")
	read(r, n, "rss", &l.RSS, parseSize)
	read(r, n, "cpu", &l.CPU, parsePercent)
	read(r, n, "fds", &l.FDs, intIn(0, math.MaxInt32))
	read(r, n, "connections", &l.Connections, intIn(0, math.MaxInt32))
	read(r, n, "age", &l.Age, parseInterval)
	read(r, n, "for", &l.For, parseDuration)
	read(r, n, "action", &l.Action, asText)
	return l
}

func (r *reader) expect(n *node) Expect {
	e := Expect{Pos: n.pos}
	read(r, n, "topic", &e.Topic, asText)
	read(r, n, "min", &e.Min, parseRate)
	read(r, n, "max", &e.Max, parseRate)
	read(r, n, "age", &e.Age, parseInterval)
	read(r, n, "within", &e.Within, parseInterval)
	if len(given(n, "min", "max", "age", "within")) == 0 {
		r.fail(n.pos, "<expect> says none of min, max, age, within; one is needed")
	}
	if e.Max > 0 && e.Min > e.Max {
		r.fail(n.pos, "min is more than max")
	}
	return e
}
