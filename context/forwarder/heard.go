package forwarder

import (
	"slices"
	"sync"
	"time"
)

// Heard is what one connection has published of one topic since it was made.
type Heard struct {
	Peer Peer
	Flow
	Last time.Time
}

// Heard gives, by topic, every connection that has published on one of these topics.
// Of those in Options.Metered those that were closed lately are included: who connects
// for one message and leaves is heard, too. What this process publishes itself is not
// among them.
func (f *Forwarder) Heard(topics map[string]bool) map[string][]Heard {
	heard := map[string][]Heard{}
	for _, c := range f.snapshot() {
		if c.side == front && c.joined.Load() {
			c.heardOf(topics, heard)
		}
	}
	// Those that are gone come last: who leaves meanwhile is among them by now.
	f.departed.of(topics, heard)
	return heard
}

// heardOf adds what a connection has published on some topics.
func (c *conn) heardOf(topics map[string]bool, to map[string][]Heard) {
	c.meter.mu.Lock()
	defer c.meter.mu.Unlock()
	if len(topics) < len(c.meter.topics) {
		for topic := range topics {
			c.hear(topic, c.meter.topics[topic], to)
		}
		return
	}
	for topic, t := range c.meter.topics {
		if topics[topic] {
			c.hear(topic, t, to)
		}
	}
}

func (c *conn) hear(topic string, t *tally, to map[string][]Heard) {
	if t != nil && t.last > 0 {
		to[topic] = append(to[topic], Heard{c.peer, t.all, c.f.began.Add(time.Duration(t.last))})
	}
}

// maxDeparted bounds what is kept of publishers that left; more than leave within the
// second or so in which whoever asks Heard comes again.
const maxDeparted = 1024

// departed are the last words of publishers that left, on metered topics.
type departed struct {
	mu   sync.Mutex // guards last
	last []departure
}

type departure struct {
	topic string
	Heard
}

// add keeps what a connection has published on the metered topics.
func (d *departed) add(c *conn) {
	if len(c.f.o.Metered) == 0 {
		return
	}
	heard := map[string][]Heard{}
	c.heardOf(c.f.metered, heard)
	d.mu.Lock()
	defer d.mu.Unlock()
	for topic, list := range heard {
		if len(d.last) >= maxDeparted {
			d.last = slices.Delete(d.last, 0, maxDeparted/4)
		}
		d.last = append(d.last, departure{topic, list[0]})
	}
}

// of adds those that left, in place of what they had said while they were there.
func (d *departed) of(topics map[string]bool, to map[string][]Heard) {
	d.mu.Lock()
	defer d.mu.Unlock()
	type place struct {
		topic string
		conn  uint64
	}
	places := map[place]int{}
	if len(d.last) == 0 {
		return
	}
	for topic, list := range to {
		for i, h := range list {
			places[place{topic, h.Peer.Conn}] = i
		}
	}
	for _, x := range d.last {
		if !topics[x.topic] {
			continue
		}
		if i, known := places[place{x.topic, x.Peer.Conn}]; known {
			to[x.topic][i] = x.Heard
			continue
		}
		to[x.topic] = append(to[x.topic], x.Heard)
	}
}
