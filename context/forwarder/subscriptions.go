package forwarder

import "fmt"

// enter gives a subscriber its slot.
func (f *Forwarder) enter(s *subscriber) {
	f.trieMu.Lock()
	defer f.trieMu.Unlock()
	if n := len(f.freeSlots); n > 0 {
		s.slot = f.freeSlots[n-1]
		f.freeSlots = f.freeSlots[:n-1]
	} else {
		s.slot = f.slots
		f.slots++
	}
	f.subscribers[s] = struct{}{}
}

// leave ends all its subscriptions.
func (f *Forwarder) leave(s *subscriber) {
	f.trieMu.Lock()
	defer f.trieMu.Unlock()
	for _, m := range s.prefixes {
		f.trie.remove(m)
	}
	clear(s.prefixes)
	delete(f.subscribers, s)
	f.freeSlots = append(f.freeSlots, s.slot)
}

// subscribe adds a prefix to a peer's set. As in libzmq 4.3 a second time changes
// nothing.
func (f *Forwarder) subscribe(s *subscriber, prefix []byte) error {
	if len(prefix) > headRoom {
		return fmt.Errorf("subscribe: prefix of %d bytes, at most %d are matched: %w", len(prefix), headRoom, errExceeded)
	}
	retain := f.o.OnSubscribe != nil
	if retain {
		// What matches from here on waits until the retained frames are sent. It
		// comes before the subscription is active, so that nothing slips between.
		s.conn.out.cork()
	}
	fresh, err := f.insert(s, prefix)
	if !retain {
		return err
	}
	var frames [][]byte
	if fresh {
		frames = f.o.OnSubscribe(s.conn.peer, prefix)
	}
	b := f.getBatch()
	defer f.putBatch(b)
	e := envelope{depot: &f.depot}
	defer e.close()
	var list []span
	for _, frame := range frames {
		spans, _ := e.wrap(classSelf, frame)
		list = append(list, spans...)
	}
	s.conn.out.uncork(list, b)
	b.losses.settle(f)
	return err
}

// insert reports whether the prefix is a new one.
func (f *Forwarder) insert(s *subscriber, prefix []byte) (fresh bool, err error) {
	f.trieMu.Lock()
	defer f.trieMu.Unlock()
	if _, ok := s.prefixes[string(prefix)]; ok {
		return false, nil
	}
	if len(s.prefixes) >= f.limits.Subscriptions {
		return false, fmt.Errorf("subscribe: more than %d prefixes: %w", f.limits.Subscriptions, errExceeded)
	}
	if f.trie.size >= f.limits.AllSubscriptions {
		return false, fmt.Errorf("subscribe: more than %d prefixes of all subscribers: %w", f.limits.AllSubscriptions, errExceeded)
	}
	s.prefixes[string(prefix)] = f.trie.add(s, prefix)
	return true, nil
}

// cancel takes a prefix out of a peer's set.
func (f *Forwarder) cancel(s *subscriber, prefix []byte) {
	f.trieMu.Lock()
	defer f.trieMu.Unlock()
	if m, ok := s.prefixes[string(prefix)]; ok {
		f.trie.remove(m)
		delete(s.prefixes, string(prefix))
	}
}

// Subscribed is how many subscribers a message of a topic goes to.
func (f *Forwarder) Subscribed(topic string) int {
	f.trieMu.RLock()
	defer f.trieMu.RUnlock()
	subs := map[*subscriber]bool{}
	for n := f.trie.match([]byte(topic + " " + separator + " ")); n != nil; n = n.parent {
		for _, m := range n.members {
			subs[m.sub] = true
		}
	}
	return len(subs)
}
