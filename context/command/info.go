package command

import (
	"context"
	"slices"
	"sync"
	"time"

	"zmicroservices/context/event"
	"zmicroservices/taskservice/message"
)

// infoShare is the part of one core that context info may cost: after each one
// there is a pause of 1/infoShare times what it took.
const infoShare = 0.05

// readerPace is what a reader of context info is taken to parse in a second, in
// bytes: a large one costs its readers more than us, and is paced by that.
const readerPace = 64 << 20

// Info publishes the context info: the first change at once, then paced, a newer
// one replacing the queued one of its transaction, never older than the latest
// change when things are quiet.
type Info struct {
	h     *Handler
	clock func() time.Time
	dirty chan struct{} // capacity 1: something is pending; sent by Changed, never closed
	frame []byte        // owned by Flush: megabytes with thousands of task services, so that it is kept

	mu      sync.Mutex // guards pending
	pending []news     // a transaction stands in it once, in order of its first unsaid change
}

// news is a transaction whose context info is due.
type news struct {
	id     event.TransactionID
	failed bool // its latest change was a failure
}

// NewInfo makes the publisher of h's context info; Run makes it live.
func NewInfo(h *Handler) *Info {
	return &Info{h: h, clock: time.Now, dirty: make(chan struct{}, 1)}
}

// Changed says that a transaction changed. It never blocks.
func (i *Info) Changed(id event.TransactionID, changes []event.Change) {
	if len(changes) == 0 {
		return
	}
	n := news{id: id, failed: changes[len(changes)-1].To == event.Failed}
	i.mu.Lock()
	at := slices.IndexFunc(i.pending, func(p news) bool { return p.id == id })
	if at < 0 {
		i.pending = append(i.pending, n)
	} else {
		i.pending[at] = n
	}
	i.mu.Unlock()
	select {
	case i.dirty <- struct{}{}:
	default:
	}
}

// Run publishes until ctx ends.
func (i *Info) Run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-i.dirty:
		}
		cost := i.Flush()
		rest := time.NewTimer(time.Duration(float64(cost) * (1/infoShare - 1)))
		select {
		case <-ctx.Done():
			rest.Stop()
			return nil
		case <-rest.C:
		}
	}
}

// Flush publishes what is pending, if anybody hears it, and gives what it cost, us or its readers. It is
// called once more when the provider ends, after Run, so that the last state is
// seen.
func (i *Info) Flush() time.Duration {
	began := i.clock()
	i.mu.Lock()
	due := i.pending
	i.pending = nil
	i.mu.Unlock()
	if !i.h.opts.Bus.Wanted(message.TopicControl) {
		i.frame = nil
		i.h.pictures.forget(nil)
		return 0
	}
	size := 0
	for _, n := range due {
		frame, err := i.message(n).AppendFrame(i.frame[:0])
		if err == nil {
			i.frame = frame
		}
		i.h.publish(frame, err)
		size += len(frame)
	}
	return max(i.clock().Sub(began), time.Duration(size)*time.Second/readerPace)
}

// message is the context info of all transactions, sent because of one.
func (i *Info) message(n news) message.Control {
	views := i.h.opts.Transactions.Views()
	data := make([]any, len(views))
	for at, v := range views {
		data[at] = map[string]any{string(v.Transaction): i.h.contextInfo(v)}
	}
	i.h.pictures.forget(views)
	result := "success"
	if n.failed {
		result = "failed"
	}
	return message.Control{
		Header: message.Header{
			Action: "update", ServiceID: i.h.opts.Own.ContextID, ServiceName: "context", Transaction: string(n.id),
		},
		Status: map[string]any{"device_action": "context_info", "result": result, "data": data},
	}
}
