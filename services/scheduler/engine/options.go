package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"zmicroservices/services/scheduler/peer"
	"zmicroservices/services/scheduler/registry"
)

// Transport calls peers. Its methods may be called from many goroutines, and return
// soon after ctx has ended.
type Transport interface {
	// Sync is POST /sync. The peer was reached if there is no error.
	Sync(ctx context.Context, at peer.Address, call peer.Call) (peer.Answer, error)
	// Tell is POST /ip to a producer.
	Tell(ctx context.Context, at peer.Address, call peer.Call) error
	// Info is GET /contexts, of a peer that is Ours.
	Info(ctx context.Context, at peer.Address) (peer.Info, error)
}

// Options say what an Engine does. Registry, Transport and Logger are required; the zero
// value of any other field stands for its default, in brackets.
type Options struct {
	Registry  registry.Registry
	Transport Transport
	Logger    *slog.Logger

	Interval time.Duration // from the beginning of a round to that of the next [1m]
	Jitter   time.Duration // a round begins up to so much earlier [0]; at most half the interval
	Timeout  time.Duration // how long one call may take [the interval, at most 5s]
	Parallel int           // calls at a time [64]
	Most     int           // consumers that are known at most [1000]
	Forget   time.Duration // who was not seen for so long is forgotten [168h]

	First     []peer.Address // consumers to begin with
	Producers []peer.Address // who is told of address changes, with those of the registry
	Details   bool           // ask peers that are ours what they run

	// Self is our address as a peer at an address would call it, "" if that is not known;
	// for the address "" it is our usual one. It does not block for long [never known].
	Self func(to peer.Address) peer.Address
	// Implied leaves our address out of calls to /sync: the peer sees where they come from.
	Implied bool
	// Happened is told of events, in order, and must not block [nobody is told].
	Happened func(Event)
}

// What may be asked for.
const (
	ShortestInterval = 100 * time.Millisecond
	LongestInterval  = 24 * time.Hour
	longestTimeout   = 5 * time.Second
)

func (o Options) withDefaults() Options {
	if o.Interval == 0 {
		o.Interval = time.Minute
	}
	if o.Timeout == 0 {
		o.Timeout = min(o.Interval, longestTimeout)
	}
	if o.Parallel == 0 {
		o.Parallel = 64
	}
	if o.Most == 0 {
		o.Most = 1000
	}
	if o.Forget == 0 {
		o.Forget = 7 * 24 * time.Hour
	}
	if o.Self == nil {
		o.Self = func(peer.Address) peer.Address { return "" }
	}
	if o.Happened == nil {
		o.Happened = func(Event) {}
	}
	return o
}

func (o Options) validate() error {
	switch {
	case o.Registry == nil:
		return errors.New("engine options: no Registry")
	case o.Transport == nil:
		return errors.New("engine options: no Transport")
	case o.Logger == nil:
		return errors.New("engine options: no Logger")
	case o.Interval < ShortestInterval || o.Interval > LongestInterval:
		return fmt.Errorf("interval %v: it is from %v to %v", o.Interval, ShortestInterval, LongestInterval)
	case o.Jitter < 0 || o.Jitter > o.Interval/2:
		return fmt.Errorf("jitter %v: it is from 0 to half the interval, %v", o.Jitter, o.Interval/2)
	case o.Timeout < 0 || o.Parallel < 0 || o.Most < 0 || o.Forget < 0:
		return errors.New("engine options: a limit is negative")
	}
	return nil
}

// Kind says what an Event is about.
type Kind string

// The kinds of events. Their names go onto the bus.
const (
	AddressChanged     Kind = "address_changed"      // ours
	PeerKnown          Kind = "peer_known"           // nobody had told us before
	PeerAddressChanged Kind = "peer_address_changed" // one that was known is elsewhere
	PeerAvailable      Kind = "peer_available"
	PeerUnavailable    Kind = "peer_unavailable"
)

// Event is something that has changed.
type Event struct {
	Kind   Kind
	Peer   peer.Peer // whom it is about; of AddressChanged ourselves
	Old    string    // the address before, of the kinds that change it
	New    string    // the one now
	Reason string    // why, of PeerUnavailable
}
