package forwarder

import (
	"maps"
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

// Heard gives every connection that has published on a topic of Options.Metered,
// those that were closed lately included: who connects for one message and leaves is
// heard, too. What this process publishes itself is not among them.
func (f *Forwarder) Heard(topic string) []Heard {
	live := map[uint64]Heard{}
	for _, c := range f.snapshot() {
		if c.side != front || !c.joined.Load() {
			continue
		}
		if h, ok := c.meter.heard(topic); ok {
			h.Peer = c.peer
			live[c.id] = h
		}
	}
	// Those that are gone come last: who leaves meanwhile is among them by now.
	all := f.departed.of(topic)
	for _, h := range all {
		delete(live, h.Peer.Conn)
	}
	return slices.AppendSeq(all, maps.Values(live))
}

func (m *meter) heard(topic string) (Heard, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	t := m.topics[topic]
	if t == nil || t.last == 0 {
		return Heard{}, false
	}
	return Heard{Flow: t.all, Last: m.f.began.Add(time.Duration(t.last))}, true
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
	for _, topic := range c.f.o.Metered {
		h, ok := c.meter.heard(topic)
		if !ok {
			continue
		}
		h.Peer = c.peer
		d.mu.Lock()
		if len(d.last) >= maxDeparted {
			d.last = slices.Delete(d.last, 0, maxDeparted/4)
		}
		d.last = append(d.last, departure{topic, h})
		d.mu.Unlock()
	}
}

func (d *departed) of(topic string) []Heard {
	d.mu.Lock()
	defer d.mu.Unlock()
	var all []Heard
	for _, x := range d.last {
		if x.topic == topic {
			all = append(all, x.Heard)
		}
	}
	return all
}
