package bridge

import (
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"zmicroservices/services/bridge/subject"
	"zmicroservices/taskservice/bus"
	"zmicroservices/taskservice/message"
)

// outward takes what is said on the bus to NATS.
type outward struct {
	place  subject.Place
	topics topics
	remote string // the prefix of what others said, a dot behind it
	spool  *spool
	nc     *nats.Conn
	echoes *echoes
	waits  *waits
	unsent atomic.Uint64 // messages that are not kept and found no link
	log    *slog.Logger
}

// subscriptions are the prefixes that it needs of the bus.
func (o *outward) subscriptions() []string {
	return append([]string{message.TopicControl, message.TopicState}, o.topics...)
}

// run hears the bus until ctx ends.
func (o *outward) run(ctx context.Context, b *bus.Bus) {
	for {
		frame, err := b.Receive(ctx)
		if err != nil {
			return
		}
		o.hear(frame, time.Now())
	}
}

// hear takes one frame, which is ours from here on. It never blocks: what the bus says
// while we do not listen, its forwarder drops.
func (o *outward) hear(frame []byte, at time.Time) {
	topic, payload, err := message.Split(frame)
	if err != nil {
		return
	}
	o.waits.offer(topic, payload)
	if !o.topics.has(topic) || strings.HasPrefix(topic, o.remote) || o.echoes.is(frame) {
		return
	}
	switch {
	case topic == message.TopicControl:
		o.spool.add(laneOfControl(payload), o.place.Of(topic), at, payload)
	case strings.HasPrefix(topic, subject.Lifecycle):
		o.spool.add(laneOfEvent(payload), subject.Event(topic), at, payload)
	default:
		o.pass(topic, payload, at)
	}
}

// pass sends what is not kept: now, or never.
func (o *outward) pass(topic string, payload []byte, at time.Time) {
	m := nats.NewMsg(o.place.Of(topic))
	m.Data = payload
	m.Header.Set(HeaderTime, at.UTC().Format(time.RFC3339Nano))
	m.Header.Set(HeaderOrigin, o.place.Spell())
	if err := o.nc.PublishMsg(m); err != nil && o.unsent.Add(1) == 1 {
		o.log.Warn("messages are not sent while there is no link", "topic", topic, "err", err)
	}
}

// laneOfControl is the task service that a report is about: its replicas and its
// transactions share a lane, which is more order than was asked for.
func laneOfControl(payload []byte) string {
	var m struct {
		Header struct {
			ServiceID string `json:"service_id"`
		} `json:"header"`
	}
	_ = json.Unmarshal(payload, &m) // what is no report is in a lane of its own: ""
	return m.Header.ServiceID
}

// laneOfEvent is the lane of the task service that a life cycle event is about, where its
// identity is <host>/<context>/<task>: the same as that of its reports. Else it is the
// identity.
func laneOfEvent(payload []byte) string {
	var e struct {
		Identity string `json:"identity"`
	}
	_ = json.Unmarshal(payload, &e)
	parts := strings.Split(e.Identity, "/")
	if len(parts) < 3 {
		return e.Identity
	}
	task, _, _ := strings.Cut(parts[len(parts)-1], "#")
	return task
}
