package watchdog

import (
	"strings"
	"time"

	"zmicroservices/services/gap"
	"zmicroservices/taskservice/hippodamia"
	"zmicroservices/taskservice/lifecycle"
)

func isLife(topic string) bool { return strings.HasPrefix(topic, lifecycle.Prefix) }

// life is a life cycle event: of every node it tells who misses its alive, and of a
// microservice an alive is a second sign of life. What is none is the tally's to count.
func (w *Watchdog) life(now time.Time, topic string, payload []byte) {
	if w.alives == nil {
		return
	}
	e, err := lifecycle.NewFromJSON(payload)
	if err != nil {
		w.opts.Logger.Debug("life cycle event was not understood", "err", err)
		return
	}
	n := gap.Node{Component: e.Component(), Identity: e.Identity()}
	if err := w.alives.Event(e, now); err != nil {
		w.opts.Logger.Debug("node is not watched", "component", n.Component, "identity", n.Identity, "err", err)
	}
	if o, ok := w.roster.lives(now, n, e.Type(), topic, payload); ok {
		w.carryOut(now, o)
	}
}

// missed says that a node has missed its alive, as the first of all observers.
func (w *Watchdog) missed(s gap.Silence) {
	if s.Finding == gap.Missed {
		w.say(gap.Notice{Node: s.Node, LastSeen: s.LastSeen}.Control(w.opts.Sender, w.alives.Horizon()))
	}
}

// lives is a life cycle event of a microservice; false: it is somebody else's. It is
// stored with its story. An alive wakes one up that is observed; the rest comes along
// with what its agent says itself.
func (r *roster) lives(now time.Time, n gap.Node, kind lifecycle.Type, topic string, payload []byte) (o outcome, ok bool) {
	m := r.nodes[n]
	if m == nil || len(payload) > MaxPayload {
		return o, false
	}
	o.entry.Message = &Message{At: now, Topic: printable(topic), GID: m.GID, Payload: payload, Size: len(payload)}
	if kind == lifecycle.Alive && (m.State == hippodamia.Active || m.State == hippodamia.Inactive) {
		m.LastSeen = now
		_ = r.step(now, m, Heard, "", &o) // both states know it
	}
	return o, true
}
