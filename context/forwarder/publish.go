package forwarder

import (
	"errors"
	"fmt"
)

// self is the peer that Publish sends as.
var self = Peer{Addr: "self", UID: -1, Self: true, Loopback: true}

// Publish forwards a message of one frame as our own. Frames are forwarded in the
// order of the calls, and when Publish returns, this one is in the kernel's hands
// or in the queue of everybody who subscribed. Our own messages are not asked
// Admit, and have a reserve in every queue. It never waits for a peer. The frame
// is the caller's again.
//
// The error is ErrClosed, or that the frame exceeds MaxMessage.
func (f *Forwarder) Publish(frame []byte) error {
	if err := f.publishable(frame); err != nil {
		return err
	}
	f.selfMu.Lock()
	f.send(classSelf, frame)
	f.selfMu.Unlock()
	if f.o.TapSelf {
		f.deliverTaps(self, f.topics.find(frame), frame)
	}
	return nil
}

// Wanted says whether anybody could get what Publish is given on a topic, so that who
// says much need not write what nobody reads. Who subscribes at the same moment may miss
// it, as ever.
func (f *Forwarder) Wanted(topic string) bool {
	f.trieMu.RLock()
	defer f.trieMu.RUnlock()
	return f.o.TapSelf || f.trie.concerns([]byte(topic))
}

// PublishAs forwards a message as if peer p had sent it: for each frame whose topic is
// guarded Admit is asked, then it is forwarded, then, if it has one frame, tapped, all
// on the caller's goroutine. The error is Admit's, wrapped, or as with Publish.
func (f *Forwarder) PublishAs(p Peer, frames ...[]byte) error {
	if err := f.publishable(frames...); err != nil {
		return err
	}
	class := classData
	for i, frame := range frames {
		t := f.topics.find(frame)
		if t == nil {
			continue
		}
		if i == 0 {
			class = t.class
		}
		if !t.guarded {
			continue
		}
		if err := f.o.Admit(p, t.name, frame); err != nil {
			f.denied.add(Flow{Messages: 1})
			f.log.Warn("message denied", "peer", p, "topic", t.name, "err", err)
			return fmt.Errorf("publish on %s: %w", t.name, err)
		}
	}
	f.send(class, frames...)
	if len(frames) == 1 {
		f.deliverTaps(p, f.topics.find(frames[0]), frames[0])
	}
	return nil
}

// Relay forwards a message for subscribers alone: Admit is not asked, and no tap gets
// it. The error is as with Publish.
func (f *Forwarder) Relay(frames ...[]byte) error {
	if err := f.publishable(frames...); err != nil {
		return err
	}
	f.send(classData, frames...)
	return nil
}

// GuardedTopic is the topic of a frame if it is one of Options.Guarded, else "".
func (f *Forwarder) GuardedTopic(frame []byte) string {
	if t := f.topics.find(frame); t != nil && t.guarded {
		return t.name
	}
	return ""
}

func (f *Forwarder) publishable(frames ...[]byte) error {
	size := 0
	for _, frame := range frames {
		size += len(frame)
	}
	if len(frames) == 0 {
		return errors.New("publish: a message has a frame at least")
	}
	if int64(size) > f.limits.MaxMessage {
		return fmt.Errorf("publish: frame of %d bytes, at most %d are forwarded: %w", size, f.limits.MaxMessage, errExceeded)
	}
	if f.stopped.Load() {
		return fmt.Errorf("publish: %w", ErrClosed)
	}
	return nil
}

// send takes a message to its subscribers' queues.
func (f *Forwarder) send(class class, frames ...[]byte) {
	b := f.getBatch()
	defer f.putBatch(b)
	defer b.wrapped.close()
	list, key := b.wrapped.wrap(class, frames...)
	if len(list) == 1 {
		b.add(key, list[0])
	} else {
		b.addPieces(key, list)
	}
	size := 0
	for _, frame := range frames {
		size += len(frame)
	}
	f.own.count(key, len(frames) == 1, int64(size))
	b.deliver()
	f.in.add(Flow{Messages: 1, Bytes: uint64(size)})
}

func (f *Forwarder) deliverTaps(p Peer, t *topic, frame []byte) {
	if t == nil {
		return
	}
	for _, k := range t.taps {
		f.o.Taps[k].Deliver(p, t.name, frame)
	}
}
