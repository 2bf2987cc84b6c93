package provider

import (
	"slices"
	"time"

	"zmicroservices/conf"
	"zmicroservices/context/event"
	"zmicroservices/context/forwarder"
	"zmicroservices/context/group"
	"zmicroservices/context/probe"
)

// reconnect is how long the services of an earlier provider may take to be back on the
// bus: an SDK's pause between two attempts, and some more.
const reconnect = 10 * time.Second

// expected are the topics of which something is expected.
func expected(tasks []*conf.Task) []string {
	var names []string
	for _, t := range tasks {
		for _, e := range t.Expects {
			if !slices.Contains(names, e.Topic) {
				names = append(names, e.Topic)
			}
		}
	}
	return names
}

// Expect implements group.Prober.
func (b *prober) Expect(e group.Expect) {
	var grace time.Duration
	if e.Began.Before(b.began) { // it has lost its connection with the provider before us
		grace = reconnect
	}
	b.judge.Expect(e.Ref, e.Task.Expects, grace)
}

// sent gives what was published on some topics, and by whom.
func (p *Provider) sent(topics map[string]bool) map[string][]probe.Sent {
	heard := p.forwarder.Heard(topics)
	var peers []forwarder.Peer
	for _, list := range heard {
		for _, h := range list {
			peers = append(peers, h.Peer)
		}
	}
	of := p.owners.of(peers, p.leaders)
	sent := make(map[string][]probe.Sent, len(heard))
	for topic, list := range heard {
		for _, h := range list {
			sent[topic] = append(sent[topic], probe.Sent{Conn: h.Peer.Conn, Owner: of[h.Peer.Conn], Messages: h.Messages, Last: h.Last})
		}
	}
	return sent
}

// leaders are the processes of all task services by their pids.
func (p *Provider) leaders() map[int]event.Ref {
	pids := map[int]event.Ref{}
	for _, v := range p.Views() {
		for _, t := range v.Tasks {
			if t.Present && t.PID > 0 {
				pids[t.PID] = event.Ref{Transaction: v.Transaction, Task: t.ID, Incarnation: t.Incarnation}
			}
		}
	}
	return pids
}
