package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
)

// BusMessage is a message as it passed over the bus.
type BusMessage struct {
	At     time.Time `json:"at"`     // when it arrived
	Frames [][]byte  `json:"frames"` // base64: any bytes
}

// Tape records the bus, and plays it back.
type Tape interface {
	// Record begins a recording of all topics with one of these prefixes.
	Record(prefixes []string) (Recording, error)
	// Play publishes a message in a peer's name. What is guarded is refused unless
	// commands are allowed; then it is judged as any command of that peer.
	Play(p Peer, frames [][]byte, commands bool) error
}

// Recording is one that has begun.
type Recording interface {
	// Next gives the next message; io.EOF after Finish.
	Next() (frames [][]byte, at time.Time, err error)
	Waiting() bool // there is more to read at once
	// Finish ends it when all was read that was published until now, or with ctx.
	Finish(ctx context.Context)
	Dropped() Flow // what there was no room for
	Close()
}

// Bounds of what goes in one reply, or one query.
const (
	maxBatch      = 256
	maxBatchBytes = 1 << 20
)

// finishing bounds the end of a recording whose reader may have gone.
const finishing = time.Second

// recordings are those of one session, by the ids of their queries.
type recordings struct {
	mu sync.Mutex // guards by
	by map[string]Recording
}

func (r *recordings) begin(id string, rec Recording) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.by == nil {
		r.by = map[string]Recording{}
	}
	if r.by[id] != nil {
		return false
	}
	r.by[id] = rec
	return true
}

func (r *recordings) find(id string) Recording {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.by[id]
}

func (r *recordings) end(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.by, id)
}

// record streams the bus until the client has had enough. A client that does not read
// holds up its own recording, until that has no room left.
func (ses *session) record(ctx context.Context, q query) {
	tape := ses.s.h.opts.Tape
	if tape == nil {
		ses.send(reply{ID: q.ID, Done: true, Error: "this provider records nothing"})
		return
	}
	if len(q.Topics) == 0 {
		q.Topics = []string{""}
	}
	rec, err := tape.Record(q.Topics)
	if err != nil {
		ses.send(answerOf(q, err, reply{}))
		return
	}
	defer rec.Close()
	if !ses.recordings.begin(q.ID, rec) {
		ses.send(answerOf(q, fmt.Errorf("a recording %q goes on already", q.ID), reply{}))
		return
	}
	defer ses.recordings.end(q.ID)
	stop := context.AfterFunc(ctx, func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), finishing)
		defer cancel()
		rec.Finish(ctx)
	})
	defer stop()
	ses.send(reply{ID: q.ID, Taken: true})
	err = ses.pass(q.ID, rec)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	dropped := rec.Dropped()
	ses.send(answerOf(q, err, reply{Dropped: &dropped}))
}

// pass sends messages, as many at once as there are.
func (ses *session) pass(id string, rec Recording) error {
	var batch []BusMessage
	size := 0
	for {
		frames, at, err := rec.Next()
		if err == nil {
			batch = append(batch, BusMessage{at, frames})
			for _, f := range frames {
				size += len(f)
			}
		}
		if len(batch) > 0 && (err != nil || !rec.Waiting() || len(batch) >= maxBatch || size >= maxBatchBytes) {
			ses.send(reply{ID: id, Messages: batch})
			batch, size = batch[:0], 0
		}
		if err != nil {
			return err
		}
	}
}

// enough ends a recording of the same session.
func (ses *session) enough(ctx context.Context, q query) {
	if rec := ses.recordings.find(q.Of); rec != nil {
		rec.Finish(ctx)
	}
	ses.send(reply{ID: q.ID, Done: true})
}

// play publishes messages, in order.
func (ses *session) play(q query) {
	tape := ses.s.h.opts.Tape
	if tape == nil {
		ses.send(reply{ID: q.ID, Done: true, Error: "this provider plays nothing back"})
		return
	}
	for _, m := range q.Messages {
		if err := tape.Play(ses.peer, m.Frames, q.Commands); err != nil {
			ses.send(answerOf(q, err, reply{}))
			return
		}
	}
	ses.send(reply{ID: q.ID, Done: true})
}

// recordID names the recording of a client, which has one at a time.
const recordID = "record"

// Record gives all messages with one of these prefixes, none: all, from when begun was
// called until ctx ends; then those that were published by then still come. dropped is
// what was lost on the way: with it, the recording is not whole.
func (c *Client) Record(ctx context.Context, prefixes []string, begun func(), each func([]BusMessage) error) (dropped Flow, err error) {
	work, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cancel(nil)
	stop := context.AfterFunc(ctx, func() {
		last, done := context.WithTimeoutCause(work, lastMessages, errors.New("provider did not end the recording"))
		defer done()
		if err := c.call(last, query{Verb: "enough", Of: recordID}, func(reply) {}); err != nil {
			cancel(err)
		}
	})
	defer stop()
	err = c.call(work, query{ID: recordID, Verb: "record", Topics: prefixes}, func(r reply) {
		switch {
		case r.Taken:
			begun()
		case r.Dropped != nil:
			dropped = *r.Dropped
		case len(r.Messages) > 0 && context.Cause(work) == nil:
			if err := each(r.Messages); err != nil {
				cancel(err)
			}
		}
	})
	return dropped, causeOf(work, err)
}

// lastMessages bounds the wait for what was published before a recording's end.
const lastMessages = 30 * time.Second

// Play publishes messages in our name, in order, and returns when they are on the
// bus. Those on guarded topics are refused unless commands are allowed.
func (c *Client) Play(ctx context.Context, messages []BusMessage, commands bool) error {
	return c.call(ctx, query{Verb: "play", Messages: messages, Commands: commands}, func(reply) {})
}
