package herald

import (
	"container/heap"
	"context"
	"time"

	"zmicroservices/taskservice/hippodamia"
	"zmicroservices/taskservice/lifecycle"
	"zmicroservices/taskservice/message"
)

// line is the bus as a crew of agents needs it. What they would subscribe to is tapped.
type line struct{ bus Bus }

// Publish implements agent.Line.
func (l line) Publish(_ context.Context, frame []byte) error {
	if !l.bus.Wanted(message.Topic(frame)) {
		return nil
	}
	return l.bus.Publish(frame)
}

// Subscribe implements agent.Line.
func (line) Subscribe(context.Context, string) error { return nil }

// Unsubscribe implements agent.Line.
func (line) Unsubscribe(string) {}

// Connected implements agent.Line.
func (line) Connected() bool { return true }

// PublishRaw implements lifecycle.Publisher.
func (l line) PublishRaw(topic string, data []byte) error {
	return l.bus.Publish(message.Join(topic, data))
}

// say publishes an event of a task service's life, if anybody wants it.
func (h *Herald) say(l *life, t lifecycle.Type) {
	topic, err := lifecycle.Topic(t, l.component)
	if err == nil && !h.opts.Bus.Wanted(topic) {
		return
	}
	var e *lifecycle.Event
	if err == nil {
		e, err = lifecycle.New(t, lifecycle.Identity(l.identity), lifecycle.Component(l.component), lifecycle.Version(l.version))
	}
	if err == nil {
		err = lifecycle.PublishEvent(e, line{h.opts.Bus})
	}
	if err != nil {
		h.opts.Logger.Debug("life cycle event not published", "task", l.ref.Task, "transaction", l.ref.Transaction, "err", err)
	}
}

// sayEnd says goodbye for an agent that cannot. Its numbers are not known: 0 is none.
func (h *Herald) sayEnd(gid, uuid, reason string) {
	topic := h.opts.Topics.End()
	if !h.opts.Bus.Wanted(topic) {
		return
	}
	end := hippodamia.End{Ping: hippodamia.Ping{GID: gid, UUID: uuid, Timestamp: time.Now().UTC()}, Reason: reason}
	frame, err := hippodamia.Frame(topic, end)
	if err == nil {
		err = h.opts.Bus.Publish(frame)
	}
	if err != nil {
		h.opts.Logger.Debug("goodbye not published", "gid", gid, "err", err)
	}
}

// beat says alive for those whose time has come, and gives the time until the next.
func (h *Herald) beat(now time.Time) time.Duration {
	for len(h.times) > 0 && !now.Before(h.times[0].due) {
		l := h.times[0]
		h.say(l, lifecycle.Alive)
		l.due = now.Add(h.opts.Alive)
		heap.Fix(&h.times, 0)
	}
	next := time.Hour
	for x := range h.late {
		if !now.Before(x.due) {
			h.bury(x)
			continue
		}
		next = min(next, x.due.Sub(now))
	}
	if len(h.times) > 0 {
		next = min(next, h.times[0].due.Sub(now))
	}
	return next
}

// times is a heap of lives by when they are due.
type times []*life

func (t *times) add(l *life) { heap.Push(t, l) }

func (t *times) remove(l *life) {
	if l.index >= 0 {
		heap.Remove(t, l.index)
	}
}

func (t times) Len() int           { return len(t) }
func (t times) Less(i, j int) bool { return t[i].due.Before(t[j].due) }
func (t times) Swap(i, j int) {
	t[i], t[j] = t[j], t[i]
	t[i].index, t[j].index = i, j
}

// Push adds one, for package heap.
func (t *times) Push(x any) {
	l := x.(*life)
	l.index = len(*t)
	*t = append(*t, l)
}

// Pop removes the last one, for package heap.
func (t *times) Pop() any {
	old := *t
	l := old[len(old)-1]
	old[len(old)-1] = nil
	*t = old[:len(old)-1]
	l.index = -1
	return l
}
