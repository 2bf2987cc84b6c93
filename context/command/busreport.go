package command

import (
	"context"
	"time"

	"zmicroservices/context/event"
)

// BusReporter tells what passes over the bus.
type BusReporter interface {
	BusReport() BusReport
}

// BusReport is what passes over the bus, at one time. Counters are since the provider began, of
// a peer since it connected; rates are of the last second; bytes are those on the wire.
type BusReport struct {
	At          time.Time `json:"at"`
	ContextID   string    `json:"context_id"`
	Connections int       `json:"connections"`
	Shaking     int       `json:"shaking"` // of those, in their handshake
	Accepted    uint64    `json:"accepted"`
	Refused     uint64    `json:"refused"` // peers whose handshake failed
	Shed        uint64    `json:"shed"`    // connections beyond a limit
	Denied      uint64    `json:"denied"`  // messages that nobody may send
	Memory      int64     `json:"memory"`  // bytes in queues and buffers
	In          Flow      `json:"in"`      // what was published
	Out         Flow      `json:"out"`     // what was taken for subscribers, once for each
	Dropped     Flow      `json:"dropped"` // what their queues had no room for
	Wills       BusWills  `json:"wills"`

	Topics      []BusTopic      `json:"topics"`
	Publishers  []BusPublisher  `json:"publishers"`
	Subscribers []BusSubscriber `json:"subscribers"`
}

// BusWills counts last wills: those that are kept, and what became of others.
type BusWills struct {
	Kept      int    `json:"kept"`
	Bytes     int64  `json:"bytes"`
	Laid      uint64 `json:"laid"`
	Withdrawn uint64 `json:"withdrawn"`
	Published uint64 `json:"published"`
	Refused   uint64 `json:"refused"`
}

// Flow is messages and bytes.
type Flow struct {
	Messages uint64 `json:"messages"`
	Bytes    uint64 `json:"bytes"`
}

// BusTopic is the figures of one topic: of all publishers, or of one.
type BusTopic struct {
	Topic string `json:"topic"`
	Other bool   `json:"other,omitempty"` // all topics beyond those that are counted apart
	Flow
	Rate        float64   `json:"rate"`      // messages a second
	ByteRate    float64   `json:"byte_rate"` // bytes a second
	Last        time.Time `json:"last,omitzero"`
	Publishers  int       `json:"publishers,omitempty"`
	Subscribers int       `json:"subscribers,omitempty"`
	Dropped     *Flow     `json:"dropped,omitempty"`
}

// BusPeer is who is at the other end of a connection.
type BusPeer struct {
	Conn        uint64              `json:"conn,omitempty"` // 0: the provider itself
	Addr        string              `json:"addr"`
	UID         *int                `json:"uid,omitempty"` // nil: not known
	PID         int                 `json:"pid,omitempty"`
	Key         string              `json:"key,omitempty"`
	Name        string              `json:"name,omitempty"` // of the key
	Role        string              `json:"role,omitempty"` // and what it may do
	Transaction event.TransactionID `json:"transaction,omitempty"`
	Task        event.TaskID        `json:"task,omitempty"` // the task service whose connection it is
}

// BusPublisher is one publisher.
type BusPublisher struct {
	BusPeer
	Flow
	Rate   float64    `json:"rate"`
	Denied uint64     `json:"denied"`
	Topics []BusTopic `json:"topics"`
}

// BusSubscriber is one subscriber.
type BusSubscriber struct {
	BusPeer
	Prefixes []string `json:"prefixes"` // what it subscribed to, 64 of them at most
	Count    int      `json:"count"`    // of all of them
	Out      Flow     `json:"out"`
	Queued   Flow     `json:"queued"`
	Dropped  Flow     `json:"dropped"`
}

// busEvery is how often a report comes to who follows the bus.
const busEvery = time.Second

// bus answers with a report, again and again if the bus is followed.
func (ses *session) bus(ctx context.Context, q query) {
	from := ses.s.h.opts.BusReporter
	if from == nil {
		ses.send(reply{ID: q.ID, Done: true, Error: "this provider tells nothing of its bus"})
		return
	}
	again := time.NewTicker(busEvery)
	defer again.Stop()
	for {
		r := from.BusReport()
		ses.send(reply{ID: q.ID, Bus: &r, Done: !q.Follow})
		if !q.Follow {
			return
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			ses.send(reply{ID: q.ID, Done: true})
			return
		}
	}
}

// Bus gives a report of the bus, once a second with follow, until ctx or the provider
// ends or each gives an error.
func (c *Client) Bus(ctx context.Context, follow bool, each func(BusReport) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	err := c.call(ctx, query{Verb: "bus", Follow: follow}, func(r reply) {
		if r.Bus == nil || context.Cause(ctx) != nil {
			return
		}
		if err := each(*r.Bus); err != nil {
			cancel(err)
		}
	})
	return causeOf(ctx, err)
}

// causeOf is why a call has ended: what its reader said, if it did.
func causeOf(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}
