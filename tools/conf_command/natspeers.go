package main

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"zmicroservices/services/bridge"
	"zmicroservices/services/bridge/subject"
)

// peers are the hosts that are on NATS, and those of which its stream knows.
func (n *natsOptions) peers(ctx context.Context, only places) ([]peerHost, error) {
	nc, err := n.dial()
	if err != nil {
		return nil, err
	}
	defer nc.Close()
	found, err := n.discover(ctx, nc)
	if err != nil {
		return nil, err
	}
	hosts := map[string]*peerHost{}
	host := func(name string) *peerHost {
		if hosts[name] == nil {
			hosts[name] = &peerHost{Name: name}
		}
		return hosts[name]
	}
	for _, p := range found {
		if only.has(p.Host, p.Context) {
			host(p.Host).add(p)
		}
	}
	for place, at := range remembered(ctx, nc) {
		if !only.has(place.Host, place.Context) {
			continue
		}
		p := host(place.Host)
		if !slices.ContainsFunc(p.Contexts, func(c peerContext) bool { return c.Context == place.Context }) {
			p.Contexts = append(p.Contexts, peerContext{Context: place.Context, Transactions: []peerTransaction{}, Error: "no answer"})
		}
		if !p.Available && (p.LastSeen == nil || p.LastSeen.Before(at)) {
			p.LastSeen = &at
		}
	}
	if len(hosts) == 0 {
		return nil, n.nobody(only)
	}
	list := make([]peerHost, 0, len(hosts))
	for _, p := range hosts {
		slices.SortFunc(p.Contexts, func(a, b peerContext) int { return cmp.Compare(a.Context, b.Context) })
		list = append(list, *p)
	}
	slices.SortFunc(list, func(a, b peerHost) int { return cmp.Compare(a.Name, b.Name) })
	return list, nil
}

// add enters a context that has answered.
func (p *peerHost) add(a bridge.Presence) {
	p.Available = true
	p.Address, p.UUID = cmp.Or(a.Address, p.Address), cmp.Or(a.UUID, p.UUID)
	if at := a.At; p.LastSeen == nil || p.LastSeen.Before(at) {
		p.LastSeen = &at
	}
	c := peerContext{
		Context: a.Context, Version: a.Version, FrontEnd: a.FrontEnd, Backend: a.Backend,
		Transactions: []peerTransaction{}, Commands: a.Commands, Spooled: a.Spooled, Dropped: a.Dropped, Error: a.Error,
	}
	for _, t := range a.Transactions {
		c.Transactions = append(c.Transactions, peerTransaction{Transaction: t.ID, Services: t.Services, Up: t.Up})
	}
	p.Contexts = append(p.Contexts, c)
}

// rememberTime bounds what is asked of the stream: it is known without, too.
const rememberTime = 5 * time.Second

// remembered are the contexts whose reports the stream has, and when the last was told.
// Who may not look there, or has no stream, knows who answers.
func remembered(ctx context.Context, nc *nats.Conn) map[subject.Place]time.Time {
	ctx, cancel := context.WithTimeout(ctx, rememberTime)
	defer cancel()
	known := map[subject.Place]time.Time{}
	js, err := jetstream.New(nc)
	if err != nil {
		return nil
	}
	name, err := js.StreamNameBySubject(ctx, subject.AllControl)
	if err != nil {
		return nil
	}
	s, err := js.Stream(ctx, name)
	if err != nil {
		return nil
	}
	info, err := s.Info(ctx, jetstream.WithSubjectFilter(subject.AllControl))
	if err != nil {
		return nil
	}
	for one := range info.State.Subjects {
		place, _, err := subject.Parse(one)
		if err != nil {
			continue
		}
		m, err := s.GetLastMsgForSubject(ctx, one)
		if err != nil {
			continue // it has just gone
		}
		at, err := time.Parse(time.RFC3339Nano, m.Header.Get(bridge.HeaderTime))
		if err != nil {
			at = m.Time
		}
		known[place] = at
	}
	return known
}
