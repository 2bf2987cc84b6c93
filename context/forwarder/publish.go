package forwarder

import "fmt"

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
	f.send(frame, classSelf)
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

// PublishAs forwards a message of one frame as if peer p had sent it: Admit is
// asked if its topic is guarded, then it is forwarded, then tapped, all on the
// caller's goroutine. The error is Admit's, wrapped, or as with Publish.
func (f *Forwarder) PublishAs(p Peer, frame []byte) error {
	if err := f.publishable(frame); err != nil {
		return err
	}
	t := f.topics.find(frame)
	class := classData
	if t != nil {
		class = t.class
		if t.guarded {
			if err := f.o.Admit(p, t.name, frame); err != nil {
				f.denied.add(Flow{Messages: 1})
				f.log.Warn("message denied", "peer", p, "topic", t.name, "err", err)
				return fmt.Errorf("publish on %s: %w", t.name, err)
			}
		}
	}
	f.send(frame, class)
	f.deliverTaps(p, t, frame)
	return nil
}

func (f *Forwarder) publishable(frame []byte) error {
	if int64(len(frame)) > f.limits.MaxMessage {
		return fmt.Errorf("publish: frame of %d bytes, at most %d are forwarded: %w", len(frame), f.limits.MaxMessage, errExceeded)
	}
	if f.stopped.Load() {
		return fmt.Errorf("publish: %w", ErrClosed)
	}
	return nil
}

// send takes a frame to its subscribers' queues.
func (f *Forwarder) send(frame []byte, class class) {
	b := f.getBatch()
	defer f.putBatch(b)
	defer b.wrapped.close()
	list, key := b.wrapped.wrap(frame, class)
	if len(list) == 1 {
		b.add(key, list[0])
	} else {
		b.addPieces(key, list)
	}
	f.own.count(key, true, int64(len(frame)))
	b.deliver()
	f.in.add(Flow{Messages: 1, Bytes: uint64(len(frame))})
}

func (f *Forwarder) deliverTaps(p Peer, t *topic, frame []byte) {
	if t == nil {
		return
	}
	for _, k := range t.taps {
		f.o.Taps[k].Deliver(p, t.name, frame)
	}
}
