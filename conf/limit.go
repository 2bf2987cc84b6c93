package conf

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"time"
)

// Limit is our <limit> element: a measure of a service, how long it may be
// exceeded, and what happens then. Exactly one measure is set.
type Limit struct {
	Pos         Pos           `json:"-"`
	Measure     Measure       // which of the next five it is about
	RSS         int64         // bytes
	CPU         float64       // percent of one core
	FDs         int           // open file descriptors
	Connections int           // sockets
	Age         time.Duration // since the start of the process
	For         time.Duration
	Action      string // restart, stop, notify
}

// Measure is what a limit is about, in the words of the file.
type Measure string

// The measures.
const (
	RSS         Measure = "rss"
	CPU         Measure = "cpu"
	FDs         Measure = "fds"
	Connections Measure = "connections"
	Age         Measure = "age"
)

// Expect is our <expect> element: the traffic that a service owes the bus. With
// neither Min, Max nor Age it owes a first message.
type Expect struct {
	Pos    Pos `json:"-"`
	Topic  string
	Min    float64       // messages a second, over Within; 0 is none
	Max    float64       // messages a second, over Within; 0 is none
	Age    time.Duration // of the newest message, at most; 0 is none
	Within time.Duration // what rates are of; nothing is judged for so long after the start
}

// defaultExpectWithin is what rates are of unless the file says so.
const defaultExpectWithin = 2 * time.Second

// defaultLimitFor is how long a measure may be over its limit, but for age.
const defaultLimitFor = 30 * time.Second

func (r *reader) limit(n *node) Limit {
	l := Limit{Pos: n.pos, For: defaultLimitFor}
	r.exactlyOne(n, string(RSS), string(CPU), string(FDs), string(Connections), string(Age))
	for _, name := range given(n, string(RSS), string(CPU), string(FDs), string(Connections), string(Age)) {
		if l.Measure = Measure(name); l.Measure == Age {
			l.For = 0 // nobody gets younger
		}
	}
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
	e := Expect{Pos: n.pos, Within: defaultExpectWithin}
	read(r, n, "topic", &e.Topic, parseTopic)
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
	// Of less than one message nobody can say that it is missing.
	if e.Min > 0 && e.Min*e.Within.Seconds() < 1 {
		few := time.Duration(min(math.Ceil(1/e.Min), math.MaxInt32)) * time.Second
		r.fail(n.pos, "min is less than one message within %v; write within=%q or more", e.Within, few)
	}
	return e
}

// parseTopic reads a topic as it is counted: what comes before the separator of a
// message, trimmed.
func parseTopic(s string) (string, error) {
	switch {
	case strings.Contains(s, "@@@"):
		return "", errors.New("is a whole message; write what comes before @@@")
	case len(s) > maxTopic:
		return "", fmt.Errorf("is longer than %d bytes, which is how much of a topic is counted", maxTopic)
	}
	return s, nil
}

// maxTopic is how many bytes of a topic the forwarder tells apart.
const maxTopic = 64
