package forwarder

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Options is what a Forwarder is made of. FrontBind, BackendBind and Logger are
// required.
type Options struct {
	// FrontBind and BackendBind are the endpoints as in a Context file:
	// publishers connect to the front, subscribers to the back.
	//
	//	tcp://*:5556         127.0.0.1 only, unless BindAll
	//	tcp://127.0.0.1:*    port 0 and port * are any free port
	//	tcp://localhost:5556 tcp://lo:5556 tcp://[::1]:5556
	//	ipc:///run/x.sock    mode 0600, removed at the end
	//	ipc://@name          in the abstract namespace: no file, no mode
	FrontBind, BackendBind []string
	// BindAll binds tcp://* and addresses beyond loopback as they are written.
	BindAll bool
	// Inherited are sockets of an earlier forwarder that were kept open, each file
	// with the name of its Socket. They remain the caller's: New makes copies.
	Inherited []*os.File
	// Limits are DefaultLimits where they are zero.
	Limits Limits

	// Security is what peers on tcp endpoints have to prove; nil: nothing, they
	// speak NULL, as those on ipc endpoints always do.
	Security *Security
	// Vouch is asked once about every peer that has a Key, after its handshake, and
	// sets its Name, Role, Services and Mute. An error refuses it.
	Vouch func(p *Peer) error

	// Admit is asked for every frame whose topic is in Guarded, before its
	// message is forwarded; of a message of many frames for each, because there
	// are receivers that take each frame for a message. An error is counted and
	// logged with the peer, and the message neither forwarded nor tapped. It is
	// called on the publisher's goroutine, at once for many publishers; frame is
	// valid during the call.
	Admit func(p Peer, topic string, frame []byte) error
	// Guarded are exact topics: the text before the first "@@@", trimmed; one that
	// ends in a dot is all topics that begin so, with "@@@" or without.
	Guarded []string
	// Taps get copies of topics.
	Taps []Tap
	// TapSelf has Publish tapped too.
	TapSelf bool
	// Priority are the topics of the control plane, which have a reserve in every
	// subscriber's queue. Nil is context, process, control and state.
	Priority []string

	// Metered are topics that are counted by name whatever else a publisher sends:
	// those that somebody judges by. See Heard.
	Metered []string

	// OnSubscribe returns frames for this one new subscription (retained
	// messages). It is called when the subscription is active already; the frames
	// go before all messages that come later. It runs on the subscriber's own
	// goroutine and may call Publish.
	OnSubscribe func(p Peer, prefix []byte) [][]byte
	// OnClose is told of every peer whose handshake had succeeded.
	OnClose func(p Peer)

	Logger *slog.Logger
}

// A Tap gets the messages of one frame of its topics, each after it was
// forwarded, in the order of their publisher.
type Tap struct {
	Topics []string
	// Deliver runs on the publisher's reading goroutine: while it blocks, that
	// publisher, and only it, is not read. frame is valid during the call.
	Deliver func(p Peer, topic string, frame []byte)
}

// Limits bound what peers can cost. A zero is the default.
type Limits struct {
	// MaxMessage is the longest message in bytes, headers and all frames
	// included. Who sends a longer one is disconnected.
	MaxMessage int64
	// QueueMessages and QueueBytes bound what waits for one subscriber. A message
	// is queued while less than both wait, else dropped: the newest goes, as in
	// libzmq. The control plane and our own messages may use a quarter more each.
	QueueMessages int
	QueueBytes    int64
	// Memory bounds the bytes in all queues together: beyond it no queue grows past
	// a fair share of 64 KiB. Half as much is for messages that are underway and
	// longer than a chunk: who needs more than is left is disconnected, and when half
	// of that is gone, who has not gone on with a message for the time of Handshake.
	Memory int64
	// Handshake is how long a peer may take from connect to READY.
	Handshake time.Duration
	// MaxConnections bounds connections, those in their handshake included.
	MaxConnections int
	// Subscriptions bounds the prefixes of one subscriber, AllSubscriptions those
	// of all. Who wants more is disconnected.
	Subscriptions    int
	AllSubscriptions int
	// Heartbeat is how often a PING goes to a peer of ZMTP 3.1 that was silent;
	// negative: never. Silence is after how long a peer that was sent one is
	// disconnected; 0 is never, since the kernel tells when a peer on this machine
	// dies and TCP keepalive when another machine does, while a libzmq
	// application that is slow to read does not answer a PING either.
	Heartbeat, Silence time.Duration
}

// DefaultLimits are the documented ones; MaxConnections leaves room for the
// process's other files under RLIMIT_NOFILE.
func DefaultLimits() Limits {
	l := Limits{
		MaxMessage:       64 << 20,
		QueueMessages:    10_000,
		QueueBytes:       32 << 20,
		Memory:           1 << 30,
		Handshake:        10 * time.Second,
		MaxConnections:   20_000,
		Subscriptions:    10_000,
		AllSubscriptions: 1_000_000,
		Heartbeat:        30 * time.Second,
	}
	var r unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &r) == nil && r.Cur < uint64(l.MaxConnections)+spareFiles {
		// At least half is ours, however few there are.
		l.MaxConnections = int(max(r.Cur/2, r.Cur-min(r.Cur, spareFiles)))
	}
	return l
}

// spareFiles are left to the rest of the process.
const spareFiles = 256

// fill replaces zeros.
func (l Limits) fill() Limits {
	d := DefaultLimits()
	def(&l.MaxMessage, d.MaxMessage)
	def(&l.QueueMessages, d.QueueMessages)
	def(&l.QueueBytes, d.QueueBytes)
	def(&l.Memory, d.Memory)
	def(&l.Handshake, d.Handshake)
	def(&l.MaxConnections, d.MaxConnections)
	def(&l.Subscriptions, d.Subscriptions)
	def(&l.AllSubscriptions, d.AllSubscriptions)
	def(&l.Heartbeat, d.Heartbeat)
	return l
}

func def[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}

func (l Limits) validate() error {
	for _, f := range []struct {
		name string
		bad  bool
	}{
		{"MaxMessage", l.MaxMessage < 0},
		{"QueueMessages", l.QueueMessages < 0},
		{"QueueBytes", l.QueueBytes < 0},
		{"Memory", l.Memory < 0},
		{"Handshake", l.Handshake < 0},
		{"MaxConnections", l.MaxConnections < 0},
		{"Subscriptions", l.Subscriptions < 0},
		{"AllSubscriptions", l.AllSubscriptions < 0},
		{"Silence", l.Silence < 0},
	} {
		if f.bad {
			return fmt.Errorf("limits: %s is negative", f.name)
		}
	}
	return nil
}

// validate names the first field that cannot work and fills the defaults.
func (o *Options) validate() error {
	switch {
	case len(o.FrontBind) == 0:
		return errors.New("options: no FrontBind")
	case len(o.BackendBind) == 0:
		return errors.New("options: no BackendBind")
	case o.Logger == nil:
		return errors.New("options: no Logger")
	case o.Security != nil && (o.Security.Mechanism == "" || o.Security.New == nil):
		return errors.New("options: Security without Mechanism or New")
	case len(o.Guarded) > 0 && o.Admit == nil:
		return errors.New("options: Guarded without Admit")
	}
	if o.Priority == nil {
		o.Priority = []string{"context", "process", "control", "state"}
	}
	names := slices.Concat(o.Guarded, o.Priority)
	for i, tap := range o.Taps {
		if tap.Deliver == nil {
			return fmt.Errorf("options: tap %d has no Deliver", i)
		}
		names = append(names, tap.Topics...)
	}
	for _, name := range names {
		if name == "" || strings.Contains(name, separator) || string(trimLeft([]byte(name))) != name {
			return fmt.Errorf("options: topic %q cannot be one", name)
		}
	}
	if err := o.Limits.validate(); err != nil {
		return fmt.Errorf("options: %w", err)
	}
	o.Limits = o.Limits.fill()
	return nil
}
