package provider

import (
	"fmt"

	"zmicroservices/context/command"
	"zmicroservices/context/forwarder"
)

// tape records the bus, and plays it back.
type tape struct{ p *Provider }

// Record implements command.Tape.
func (t tape) Record(prefixes []string) (command.Recording, error) {
	r, err := t.p.forwarder.Record(prefixes...)
	if err != nil {
		return nil, err
	}
	return recorded{r}, nil
}

// recorded is a forwarder's recording in the words of package command.
type recorded struct{ *forwarder.Recording }

func (r recorded) Dropped() command.Flow { return command.Flow(r.Recording.Dropped()) }

// Play implements command.Tape. What was recorded of commands would be carried out once
// more, and what services said of themselves is true no longer: that has to be wanted.
// Else what is played back is for subscribers alone; no handler and no probe hears it.
func (t tape) Play(p command.Peer, frames [][]byte, commands bool) error {
	if commands {
		return t.p.forwarder.PublishAs(forwarder.Peer{Addr: p.Name, UID: p.UID, Loopback: true}, frames...)
	}
	for _, frame := range frames {
		// Others are guarded for who has a key: their words move nothing here.
		if topic := t.p.forwarder.GuardedTopic(frame); command.IsCommanding(topic) {
			return fmt.Errorf("messages on %s are not played back, unless commands are allowed", topic)
		}
	}
	return t.p.forwarder.Relay(frames...)
}
