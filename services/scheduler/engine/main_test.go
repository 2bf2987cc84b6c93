package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.uber.org/goleak"

	"zmicroservices/services/scheduler/peer"
	"zmicroservices/services/scheduler/registry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// network is a transport in memory: engines by their addresses, and what is cut.
type network struct {
	latency time.Duration

	mu        sync.Mutex // guards the rest
	nodes     map[peer.Address]*node
	cut       func(from, to peer.Address) bool // nil: nothing
	producers map[peer.Address]func(peer.Call) error

	calls atomic.Int64
	lists atomic.Int64 // consumers in answers
}

func newNetwork() *network {
	return &network{latency: time.Millisecond, nodes: map[peer.Address]*node{}, producers: map[peer.Address]func(peer.Call) error{}}
}

// node is an engine and where it is.
type node struct {
	*Engine
	net      *network
	at       atomic.Pointer[peer.Address]
	registry registry.Registry
	events   chan Event // sent by the engine; deep enough for a test
}

// node makes one at an address. change, if not nil, may change its options.
func (n *network) node(t testing.TB, at peer.Address, change func(*Options)) *node {
	t.Helper()
	d := &node{net: n, registry: registry.NewMemory(), events: make(chan Event, 64)}
	d.at.Store(&at)
	o := Options{
		Registry: d.registry, Transport: d, Logger: slog.New(slog.DiscardHandler), Interval: time.Minute,
		Self: func(peer.Address) peer.Address { return *d.at.Load() },
		Happened: func(e Event) {
			select {
			case d.events <- e:
			default:
			}
		},
	}
	if change != nil {
		change(&o)
	}
	d.registry = o.Registry
	var err error
	if d.Engine, err = New(o); err != nil {
		t.Fatal(err)
	}
	if err := d.Begin(context.Background()); err != nil {
		t.Fatal(err)
	}
	n.mu.Lock()
	n.nodes[at] = d
	n.mu.Unlock()
	return d
}

// move puts a node elsewhere.
func (d *node) move(at peer.Address) {
	d.net.mu.Lock()
	defer d.net.mu.Unlock()
	delete(d.net.nodes, *d.at.Load())
	d.net.nodes[at] = d
	d.at.Store(&at)
}

var errCut = errors.New("connection refused")

// reach finds the node at an address, after the latency.
func (d *node) reach(ctx context.Context, to peer.Address) (*node, error) {
	d.net.calls.Add(1)
	if d.net.latency > 0 && !wait(ctx, d.net.latency) {
		return nil, ctx.Err()
	}
	from := *d.at.Load()
	d.net.mu.Lock()
	defer d.net.mu.Unlock()
	target := d.net.nodes[to]
	if target == nil || d.net.cut != nil && d.net.cut(from, to) {
		return nil, errCut
	}
	return target, nil
}

// Sync implements Transport.
func (d *node) Sync(ctx context.Context, to peer.Address, call peer.Call) (peer.Answer, error) {
	target, err := d.reach(ctx, to)
	if err != nil {
		return peer.Answer{}, err
	}
	answer, err := target.Hear(ctx, call, netip.MustParseAddr(d.at.Load().Host()))
	d.net.lists.Add(int64(len(answer.Consumers)))
	return answer, err
}

// Tell implements Transport.
func (d *node) Tell(ctx context.Context, to peer.Address, call peer.Call) error {
	if !wait(ctx, d.net.latency) {
		return ctx.Err()
	}
	d.net.mu.Lock()
	hear := d.net.producers[to]
	d.net.mu.Unlock()
	if hear == nil {
		return errCut
	}
	return hear(call)
}

// Info implements Transport.
func (d *node) Info(ctx context.Context, to peer.Address) (peer.Info, error) {
	target, err := d.reach(ctx, to)
	if err != nil {
		return peer.Info{}, err
	}
	return peer.Info{UUID: target.UUID(), Name: "host-" + string(to)}, nil
}

// run runs nodes until the returned function is called, which waits for them.
func run(t testing.TB, nodes ...*node) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	for _, d := range nodes {
		all.Go(func() {
			if err := d.Run(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	return func() {
		cancel()
		all.Wait()
	}
}

func address(i int) peer.Address {
	return peer.Address(fmt.Sprintf("10.%d.%d.%d", i/65536, i/256%256, i%256))
}

// find gives what a node knows of another.
func (d *node) find(id uuid.UUID) (Known, bool) {
	for _, k := range d.Peers() {
		if k.UUID == id {
			return k, true
		}
	}
	return Known{}, false
}
