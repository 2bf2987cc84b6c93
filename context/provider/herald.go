package provider

import (
	"context"

	"zmicroservices/context/event"
	"zmicroservices/context/forwarder"
	"zmicroservices/context/herald"
	"zmicroservices/context/launch"
	"zmicroservices/taskservice/agent"
)

// speak makes who speaks for task services, and who keeps last wills. With the wire of the
// original there is neither.
func (p *Provider) speak() error {
	if p.opts.Original {
		return nil
	}
	var err error
	if p.wills, err = newWills(p); err != nil {
		return err
	}
	p.herald, err = herald.New(herald.Options{
		Host: agent.Host(), Version: p.opts.Version, Topics: p.opts.topics(), Ping: p.opts.PingInterval, Alive: p.opts.AliveInterval,
		Bus: late{p}, View: p.View, Views: p.Views, Gone: p.wills.book.Gone, Logger: p.opts.Logger,
		ConfigID: func(r event.Ref) string {
			return launch.ConfigID(p.opts.Context.ContextID, r.Task, p.ordinals.of(r.Transaction))
		},
	})
	return err
}

// spokenTaps are the forwarder's for them.
func (p *Provider) spokenTaps() []forwarder.Tap {
	if p.herald == nil {
		return nil
	}
	return []forwarder.Tap{p.wills.tap(), {
		Topics: p.herald.Topics(),
		Deliver: func(f forwarder.Peer, topic string, frame []byte) {
			p.herald.Heard(topic, frame, func(pid int) event.Ref { return p.owners.claimed(f, pid) })
		},
	}}
}

// runSpeakers lets them live, and gives their end.
func (p *Provider) runSpeakers(run func(string, func(context.Context) error) func()) (end func()) {
	if p.herald == nil {
		return func() {}
	}
	ends := []func(){run("herald", p.herald.Run), run("wills", p.wills.book.Run), run("owners of wills", p.wills.settle)}
	return func() {
		for _, end := range ends {
			end()
		}
	}
}

// subscribed is told of a subscription.
func (p *Provider) subscribed(prefix []byte) {
	if p.herald != nil {
		p.herald.Subscribed(prefix)
	}
}

// record takes a Change to its readers, before anybody is answered who caused it.
func (p *Provider) record(c event.Change) {
	p.journal.Record(c)
	if p.herald != nil {
		p.herald.Record(c)
	}
}
