package engine

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/google/uuid"

	"zmicroservices/services/scheduler/peer"
)

// ErrAddress is given for a call whose address is not the caller's to have.
var ErrAddress = errors.New("a loopback address means another host for us than for the one who said it")

// Hear takes a call of POST /sync that came from an address, and answers it. ErrAddress:
// the caller is at fault; ErrFull: there is no room.
func (e *Engine) Hear(ctx context.Context, call peer.Call, from netip.Addr) (peer.Answer, error) {
	if err := e.note(ctx, call, from); err != nil {
		return peer.Answer{}, err
	}
	usual := e.o.Self("")
	consumers, digest := e.table.told(usual, from.Unmap().IsLoopback(), time.Now())
	if digest == call.Known && digest != (peer.Digest{}) {
		consumers = nil // it knows all that
	}
	self := e.selfFor(peer.AddressOf(from, peer.DefaultPort))
	return peer.Answer{UUID: e.UUID(), IP: self, Consumers: consumers, Known: digest, Ours: true}, nil
}

// HearAddress takes a call of POST /ip, as a producer: the caller is elsewhere now.
func (e *Engine) HearAddress(ctx context.Context, call peer.Call, from netip.Addr) error {
	return e.note(ctx, call, from)
}

// note keeps who has called.
func (e *Engine) note(ctx context.Context, call peer.Call, from netip.Addr) error {
	from = from.Unmap()
	at := call.IP
	switch {
	case at == "":
		at = peer.AddressOf(from, peer.DefaultPort)
	case at.IsLoopback() && !from.IsLoopback():
		return fmt.Errorf("ip %s: %w", at, ErrAddress)
	}
	if call.UUID == e.UUID() || call.UUID == uuid.Nil {
		return nil // ourselves: a first peer of our own file
	}
	now := time.Now()
	if err := e.table.heard(call.UUID, at, now); err != nil {
		return err
	}
	// Without the registry it is known all the same, and written later.
	p := peer.Peer{UUID: call.UUID, IP: at, LastSeen: now}
	noting, cancel := context.WithTimeout(ctx, e.o.Timeout)
	defer cancel()
	if err := e.o.Registry.Note(noting, peer.Consumer, []peer.Peer{p}); err != nil {
		if ctx.Err() == nil {
			e.health.bad(e.o.Logger, err)
		}
		return nil
	}
	e.table.saved([]peer.Peer{p})
	return nil
}
