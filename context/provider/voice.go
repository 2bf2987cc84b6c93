package provider

import (
	"fmt"

	"zmicroservices/context/command"
	"zmicroservices/context/forwarder"
)

// voice lets the handlers speak through the forwarder.
type voice struct{ f *forwarder.Forwarder }

func (v voice) Publish(frame []byte) error { return v.f.Publish(frame) }

func (v voice) Wanted(topic string) bool { return v.f.Wanted(topic) }

func (v voice) Inject(p command.Peer, frame []byte) error {
	return v.f.PublishAs(forwarder.Peer{Addr: p.Name, UID: p.UID, Loopback: true}, frame)
}

// peer is a forwarder's peer in the handlers' words.
func peer(p forwarder.Peer) command.Peer {
	out := command.Peer{
		Conn: p.Conn, UID: p.UID, Self: p.Self, Loopback: p.Loopback, PID: p.PID, Inode: p.Inode, Name: p.Addr,
		Key: p.Key, Role: p.Role, Services: p.Services,
	}
	switch {
	case p.Key != "":
		out.Name = fmt.Sprintf("key %s (%s) from %s", p.Name, p.Role, p.Addr)
	case p.Self:
		out.Name = "ourselves"
	case p.Conn == 0: // came by a front, which has named it
	case p.PID > 0:
		out.Name = fmt.Sprintf("uid %d pid %d", p.UID, p.PID)
	case p.UID >= 0:
		out.Name = fmt.Sprintf("uid %d from %s", p.UID, p.Addr)
	}
	return out
}

// tap gives the handlers the topics that they want.
func tap(h *command.Handler) forwarder.Tap {
	return forwarder.Tap{
		Topics: h.Topics(),
		Deliver: func(p forwarder.Peer, topic string, frame []byte) {
			h.Deliver(peer(p), topic, frame)
		},
	}
}

// late is the bus of handlers that are made before the forwarder whose messages
// they take.
type late struct{ p *Provider }

func (l late) Publish(frame []byte) error { return voice{l.p.forwarder}.Publish(frame) }
func (l late) Wanted(topic string) bool   { return voice{l.p.forwarder}.Wanted(topic) }
func (l late) Inject(from command.Peer, frame []byte) error {
	return voice{l.p.forwarder}.Inject(from, frame)
}
