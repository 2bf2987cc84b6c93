package provider

import (
	"cmp"
	"slices"
	"time"

	"zmicroservices/context/command"
	"zmicroservices/context/event"
	"zmicroservices/context/forwarder"
)

// BusReport implements command.BusReporter.
func (p *Provider) BusReport() command.BusReport {
	s := p.forwarder.Stats()
	var peers []forwarder.Peer
	for _, x := range s.Publishers {
		peers = append(peers, x.Peer)
	}
	for _, x := range s.Subscribers {
		peers = append(peers, x.Peer)
	}
	of := p.owners.of(peers, p.leaders)
	f := command.BusReport{
		At: time.Now(), ContextID: p.opts.Context.ContextID, Connections: s.Connections, Shaking: s.Shaking, Accepted: s.Accepted, Refused: s.Refused, Shed: s.Shed,
		Denied: s.Denied, Memory: s.Memory, In: command.Flow(s.In), Out: command.Flow(s.Out), Dropped: command.Flow(s.Dropped),
		Publishers: []command.BusPublisher{}, Subscribers: []command.BusSubscriber{},
	}
	if p.wills != nil {
		f.Wills = command.BusWills(p.wills.book.Stats())
	}
	if len(s.Own) > 0 {
		f.Publishers = append(f.Publishers, publisher(command.BusPeer{Addr: "the provider"}, 0, s.Own))
	}
	for _, x := range s.Publishers {
		f.Publishers = append(f.Publishers, publisher(busPeer(x.Peer, of), x.Denied, x.Topics))
	}
	for _, x := range s.Subscribers {
		slices.Sort(x.Topics)
		f.Subscribers = append(f.Subscribers, command.BusSubscriber{
			BusPeer: busPeer(x.Peer, of), Prefixes: slices.Concat([]string{}, x.Topics), Count: x.Prefixes,
			Out: command.Flow(x.Out), Dropped: command.Flow(x.Dropped),
			Queued: command.Flow{Messages: uint64(x.QueuedMessages), Bytes: uint64(x.QueuedBytes)},
		})
	}
	f.Topics = p.topics(f.Publishers, s.Lost)
	return f
}

// topics sums up by topic what is known by publisher.
func (p *Provider) topics(publishers []command.BusPublisher, lost []forwarder.TopicStats) []command.BusTopic {
	type key struct {
		topic string
		other bool
	}
	all := map[key]*command.BusTopic{}
	of := func(k key) *command.BusTopic {
		if all[k] == nil {
			all[k] = &command.BusTopic{Topic: k.topic, Other: k.other, Dropped: &command.Flow{}}
			if !k.other {
				all[k].Subscribers = p.forwarder.Subscribed(k.topic)
			}
		}
		return all[k]
	}
	for _, x := range publishers {
		for _, t := range x.Topics {
			sum := of(key{t.Topic, t.Other})
			sum.Messages += t.Messages
			sum.Bytes += t.Bytes
			sum.Rate += t.Rate
			sum.ByteRate += t.ByteRate
			sum.Publishers++
			if t.Last.After(sum.Last) {
				sum.Last = t.Last
			}
		}
	}
	for _, t := range lost {
		*of(key{t.Topic, t.Other}).Dropped = command.Flow(t.Flow)
	}
	sums := make([]command.BusTopic, 0, len(all))
	for _, t := range all {
		sums = append(sums, *t)
	}
	slices.SortFunc(sums, func(a, b command.BusTopic) int {
		switch {
		case a.Other:
			return 1
		case b.Other:
			return -1
		}
		return cmp.Compare(a.Topic, b.Topic)
	})
	return sums
}

func publisher(peer command.BusPeer, denied uint64, topics []forwarder.TopicStats) command.BusPublisher {
	f := command.BusPublisher{BusPeer: peer, Denied: denied, Topics: []command.BusTopic{}}
	for _, t := range topics {
		f.Messages += t.Messages
		f.Bytes += t.Bytes
		f.Rate += t.Rate
		f.Topics = append(f.Topics, command.BusTopic{
			Topic: t.Topic, Other: t.Other, Flow: command.Flow(t.Flow), Rate: t.Rate, ByteRate: t.ByteRate, Last: t.Last,
		})
	}
	return f
}

func busPeer(p forwarder.Peer, of map[uint64]event.Ref) command.BusPeer {
	b := command.BusPeer{Conn: p.Conn, Addr: p.Addr, PID: p.PID, Key: p.Key, Name: p.Name, Role: p.Role, Transaction: of[p.Conn].Transaction, Task: of[p.Conn].Task}
	if p.UID >= 0 {
		b.UID = &p.UID
	}
	return b
}
