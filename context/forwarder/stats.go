package forwarder

import (
	"cmp"
	"slices"
	"sync"
)

// Stats is what a Forwarder knows of itself. Counters are since New.
type Stats struct {
	// Connections are open now, Shaking those of them in their handshake.
	Connections, Shaking int
	// Accepted connections, Refused peers (handshake), and connections Shed at a
	// limit.
	Accepted, Refused, Shed uint64
	// In is what came from publishers and Publish, Out what was taken for
	// subscribers, once for each, Dropped what their queues had no room for.
	In, Out, Dropped Flow
	// Denied are messages that Admit refused.
	Denied uint64
	// Memory is the bytes in queues and buffers.
	Memory int64
	// Prefixes is the number of subscriptions.
	Prefixes int
	// Lost is Dropped by topic.
	Lost []TopicStats
	// Own is what Publish and PublishAs sent.
	Own         []TopicStats
	Publishers  []PublisherStats
	Subscribers []SubscriberStats
}

// PublisherStats is one publisher's.
type PublisherStats struct {
	Peer   Peer
	In     Flow
	Denied uint64
	Topics []TopicStats // what was admitted, at most 64 and one of all others
}

// SubscriberStats is one subscriber's.
type SubscriberStats struct {
	Peer     Peer
	Prefixes int
	Topics   []string // 64 of those at most, in no order
	// QueuedMessages and QueuedBytes wait now.
	QueuedMessages int
	QueuedBytes    int64
	Out, Dropped   Flow
}

// gone sums up the subscribers that left.
type gone struct {
	mu            sync.Mutex // guards both
	sent, dropped Flow
}

func (g *gone) add(o *outbox) {
	_, sent, dropped := o.figures()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.sent.add(sent)
	g.dropped.add(dropped)
}

// Stats returns a snapshot, by connection number.
func (f *Forwarder) Stats() Stats {
	s := Stats{
		Accepted: f.accepted.Load(), Refused: f.refused.Load(), Shed: f.shed.Load(),
		In: f.in.flow(), Denied: f.denied.flow().Messages, Memory: f.depot.live.Load(), Own: f.own.stats(), Lost: f.lost.stats(),
	}
	f.gone.mu.Lock()
	s.Out, s.Dropped = f.gone.sent, f.gone.dropped
	f.gone.mu.Unlock()
	prefixes, named := map[*conn]int{}, map[*conn][]string{}
	f.trieMu.RLock()
	s.Prefixes = f.trie.size
	for sub := range f.subscribers {
		prefixes[sub.conn] = len(sub.prefixes)
		for prefix := range sub.prefixes {
			if len(named[sub.conn]) < maxTopics {
				named[sub.conn] = append(named[sub.conn], prefix)
			}
		}
	}
	f.trieMu.RUnlock()
	for _, c := range f.snapshot() {
		s.Connections++
		switch {
		case !c.joined.Load():
			s.Shaking++
		case c.side == front:
			s.Publishers = append(s.Publishers, PublisherStats{Peer: c.peer, In: c.got.flow(), Denied: c.denied.flow().Messages, Topics: c.meter.stats()})
		default:
			waiting, sent, dropped := c.out.figures()
			s.Out.add(sent)
			s.Dropped.add(dropped)
			s.Subscribers = append(s.Subscribers, SubscriberStats{
				Peer: c.peer, Prefixes: prefixes[c], Topics: named[c],
				QueuedMessages: waiting.messages, QueuedBytes: waiting.bytes,
				Out: sent, Dropped: dropped,
			})
		}
	}
	slices.SortFunc(s.Publishers, func(a, b PublisherStats) int { return cmp.Compare(a.Peer.Conn, b.Peer.Conn) })
	slices.SortFunc(s.Subscribers, func(a, b SubscriberStats) int { return cmp.Compare(a.Peer.Conn, b.Peer.Conn) })
	return s
}
