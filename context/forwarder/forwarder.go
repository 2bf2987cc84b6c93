package forwarder

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// ErrClosed means that the forwarder has stopped.
var ErrClosed = errors.New("forwarder closed")

// Forwarder is the device between publishers and subscribers.
type Forwarder struct {
	o         Options
	limits    Limits
	log       *slog.Logger
	topics    *topics
	listeners []*listener
	diag      diag

	turns    *turnstile
	depot    depot
	spare    spare
	underway atomic.Int64 // bytes of buffers of messages that are not complete
	sealing  atomic.Int64 // bytes of buffers of long frames that are sealed
	batches  batches

	selfMu sync.Mutex // keeps Publish in the order of its calls

	order       sync.Mutex   // held while a batch takes its places in all queues; see batch.deliver
	trieMu      sync.RWMutex // guards the four below
	trie        trie
	subscribers map[*subscriber]struct{}
	slots       int
	freeSlots   []int

	mu     sync.Mutex // guards the two below
	conns  map[*conn]struct{}
	lastID uint64

	running sync.WaitGroup // every goroutine that Run or a connection started
	stopped atomic.Bool
	closing sync.Once
	clock   atomic.Int64 // time since New, renewed by pulse: good for a second or so
	began   time.Time

	in       counted
	lost     own             // what queues had no room for, by topic, once for each
	own      own             // what Publish sent, by topic
	tallies  atomic.Int64    // of all meters, against maxAllTopics
	metered  map[string]bool // Options.Metered
	departed departed
	denied   counted
	gone     gone
	accepted atomic.Uint64
	refused  atomic.Uint64
	shed     atomic.Uint64
	refusals pace
	sheds    pace
}

// New binds all endpoints. An error names the first one that could not be:
// `bind tcp://127.0.0.1:5556: address already in use`. Peers may connect from now
// on; they are served once Run runs. Who never calls Run calls Close. What there is
// in Inherited is used in place of binding.
func New(o Options) (*Forwarder, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	f := &Forwarder{
		o:           o,
		limits:      o.Limits,
		log:         o.Logger,
		topics:      newTopics(&o),
		subscribers: map[*subscriber]struct{}{},
		conns:       map[*conn]struct{}{},
		began:       time.Now(),
	}
	f.own.f, f.lost.f, f.metered = f, f, map[string]bool{}
	for _, topic := range o.Metered {
		f.metered[topic] = true
	}
	var err error
	if f.turns, err = newTurnstile(); err != nil {
		return nil, err
	}
	for _, s := range []side{front, back} {
		endpoints := o.FrontBind
		if s == back {
			endpoints = o.BackendBind
		}
		for _, e := range endpoints {
			l, err := o.open(e, s)
			if err != nil {
				return nil, errors.Join(err, f.Close())
			}
			f.listeners = append(f.listeners, l)
		}
	}
	return f, nil
}

// Front returns the endpoints that publishers connect to, with real ports.
func (f *Forwarder) Front() []string { return f.endpoints(front) }

// Back returns the endpoints that subscribers connect to, with real ports.
func (f *Forwarder) Back() []string { return f.endpoints(back) }

func (f *Forwarder) endpoints(s side) []string {
	var all []string
	for _, l := range f.listeners {
		if l.side == s {
			all = append(all, l.endpoint)
		}
	}
	return all
}

// Run serves until ctx ends, then closes everything and returns nil when every
// connection is closed, every goroutine gone and every ipc file removed. What is
// still queued is lost: Drain before. It is called once.
func (f *Forwarder) Run(ctx context.Context) error {
	for _, l := range f.listeners {
		// Ends when its listener is closed.
		f.running.Go(func() { f.accept(ctx, l) })
	}
	// Ends when the turnstile is closed, by Close.
	f.running.Go(f.turns.run)
	// Ends with ctx.
	f.running.Go(func() { f.pulse(ctx) })
	<-ctx.Done()
	err := f.Close()
	f.running.Wait()
	f.batches.close()
	return err
}

// Close closes all endpoints and connections without waiting for their ends. Run
// does it by itself.
func (f *Forwarder) Close() error {
	var err error
	f.closing.Do(func() {
		f.stopped.Store(true)
		for _, l := range f.listeners {
			err = errors.Join(err, l.Close())
		}
		for _, c := range f.snapshot() {
			c.abort(errStopped)
		}
		f.diag.close()
		f.turns.close()
	})
	return err
}

// register takes an accepted connection into the books, unless we are closing.
func (f *Forwarder) register(nc net.Conn, l *listener) (*conn, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.stopped.Load() {
		return nil, ErrClosed
	}
	f.lastID++
	c, err := newConn(f, nc, l, f.lastID)
	if err != nil {
		return nil, err
	}
	f.conns[c] = struct{}{}
	f.running.Add(1)
	return c, nil
}

func (f *Forwarder) forget(c *conn) {
	f.mu.Lock()
	delete(f.conns, c)
	f.mu.Unlock()
}

// connections is the number of open connections.
func (f *Forwarder) connections() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.conns)
}
