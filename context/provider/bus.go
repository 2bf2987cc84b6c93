package provider

import "zmicroservices/context/forwarder"

// openBus binds the bus, with the sockets that an earlier provider has left, and lets
// those who listen to it from within be told.
func (p *Provider) openBus() error {
	if err := p.speak(); err != nil {
		return err
	}
	o, handler := p.opts, p.handler
	bus := forwarder.Options{
		FrontBind: []string{o.Context.FrontBind}, BackendBind: []string{o.Context.BackendBind},
		BindAll: o.BindAll, Guarded: handler.Guarded(), Taps: append([]forwarder.Tap{tap(handler), p.ear()}, p.spokenTaps()...), Logger: o.Logger,
		Metered: expected(o.Context.Tasks),
		Admit:   func(f forwarder.Peer, topic string, frame []byte) error { return handler.Admit(peer(f), topic, frame) },
		OnSubscribe: func(f forwarder.Peer, prefix []byte) [][]byte {
			p.subscribed(prefix)
			return handler.Retained(peer(f), prefix)
		},
		OnClose: func(f forwarder.Peer) {
			handler.Closed(f.Conn)
			p.wills.closed(f.Conn)
		},
	}
	if p.doors != nil {
		bus.Security, bus.Vouch = p.doors.security(), p.doors.vouch
		if publish, subscribe := p.doors.private(o.RuntimeDir); publish != "" {
			bus.FrontBind, bus.BackendBind = append(bus.FrontBind, publish), append(bus.BackendBind, subscribe)
		}
	}
	bus.Inherited = p.inherit(bus.SocketNames())
	var err error
	p.forwarder, err = forwarder.New(bus)
	for _, f := range bus.Inherited {
		_ = f.Close() // the forwarder has copies
	}
	if err != nil {
		return err
	}
	if p.doors != nil {
		p.doors.expel = p.forwarder.Expel
	}
	return nil
}
