package mqtt

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"zmicroservices/taskservice/hippodamia"
	"zmicroservices/taskservice/message"
)

// Bus is what the gateway needs of ours, as *bus.Bus has it. What is published is heard
// by whoever subscribed, the gateway included.
type Bus interface {
	Publish(ctx context.Context, frame []byte) error
	Subscribe(ctx context.Context, prefix string) error
	Receive(ctx context.Context) ([]byte, error)
}

// Options are what New needs: Broker and Bus at least.
type Options struct {
	Broker     Broker
	Bus        Bus               // used by the gateway alone
	Topics     hippodamia.Topics // the zero value has the default prefix
	Name       string            // in the topic of our status; "" is the client id, else the host's name
	MaxPayload int               // bytes; 0 is DefaultMaxPayload
	Queue      int               // messages that wait in each direction; 0 is DefaultQueue
	Logger     *slog.Logger      // nil: nothing is logged
}

// What Options have unless something else is said.
const (
	DefaultMaxPayload = 1 << 20
	DefaultQueue      = 10_000
)

// Gateway carries the watchdog's messages between our bus and a broker.
type Gateway struct {
	broker   Broker
	bus      Bus
	routes   routes
	status   string // topic
	max      int
	log      *slog.Logger
	memory   *memory
	toBus    *queue
	toBroker *queue
	count    counters
	attached bool // owned by Attach, which is called before Run or by it

	ready   chan struct{} // closed by Run once we are connected for the first time
	refused chan error    // capacity 1: the first refusal before that, for Join; never closed
	mu      sync.Mutex    // guards what follows
	trouble error         // why the last attempt to connect failed
	fault   string        // what was wrong with the last message that was refused, and its topic
}

// New checks the options and reads the files that they name; it connects to nothing.
func New(o Options) (*Gateway, error) {
	if err := o.Broker.validate(); err != nil {
		return nil, err
	}
	if o.Bus == nil {
		return nil, errors.New("gateway has no bus")
	}
	if o.MaxPayload < 0 || o.Queue < 0 {
		return nil, fmt.Errorf("gateway: payloads of %d bytes, queues of %d messages: neither is below 0", o.MaxPayload, o.Queue)
	}
	o.Broker.KeepAlive = cmp.Or(o.Broker.KeepAlive, DefaultKeepAlive)
	host, err := os.Hostname()
	if err != nil {
		host = "unknown" // a name in a status, no more
	}
	g := &Gateway{
		broker: o.Broker, bus: o.Bus, routes: newRoutes(o.Topics),
		max: cmp.Or(o.MaxPayload, DefaultMaxPayload), log: o.Logger, memory: newMemory(remembered),
		toBus: newQueue(cmp.Or(o.Queue, DefaultQueue)), toBroker: newQueue(cmp.Or(o.Queue, DefaultQueue)),
		ready: make(chan struct{}), refused: make(chan error, 1),
	}
	g.status = g.routes.status(word(cmp.Or(o.Name, o.Broker.ClientID, host)))
	if g.log == nil {
		g.log = slog.New(slog.DiscardHandler)
	}
	g.log = g.log.With("broker", o.Broker.URL)
	return g, nil
}

// Attach subscribes on the bus: what is said there from then on is carried. Run does so
// at first; who speaks at once does it before.
func (g *Gateway) Attach(ctx context.Context) error {
	if g.attached {
		return nil
	}
	for _, prefix := range []string{g.routes.topics.Contact(), g.routes.topics.State(), g.routes.topics.Individual(""), g.routes.topics.Command()} {
		if err := g.bus.Subscribe(ctx, prefix); err != nil {
			return err
		}
	}
	g.attached = true
	return nil
}

// Run carries messages until ctx ends, and then hands over what waits for the broker, for
// farewell at most. It returns an error only if the bus is closed under it.
func (g *Gateway) Run(ctx context.Context) error {
	if g.broker.open() {
		g.log.Warn("password travels in the clear: use mqtts:// for a broker on another host")
	}
	if err := g.Attach(ctx); err != nil {
		return unlessOver(ctx, fmt.Errorf("run gateway: %w", err))
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var all sync.WaitGroup
	// What was said on the bus before the end is still handed over: the broker is left last.
	there, leave := context.WithCancel(context.WithoutCancel(ctx))
	defer leave()
	all.Go(func() { // ends with ctx, or when the bus is closed
		cancel(g.listen(ctx))
		leave()
	})
	all.Go(func() { cancel(g.tell(ctx)) }) // ends with ctx, or when the bus is closed
	all.Go(func() { g.connect(there) })    // ends when listen has
	all.Go(func() { g.complain(ctx) })     // ends with ctx
	all.Wait()
	g.log.Info("gateway ended", g.Figures().attributes()...)
	if err := context.Cause(ctx); err != nil && !errors.Is(err, context.Canceled) {
		return fmt.Errorf("run gateway: %w", err)
	}
	return nil
}

func unlessOver(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// Join waits until Run has the gateway connected for the first time. It returns ErrRefused
// at once when the broker does not want us; when ctx ends before, the error also says why
// the last attempt failed.
func (g *Gateway) Join(ctx context.Context) error {
	select {
	case <-g.ready:
		return nil
	case err := <-g.refused:
		return fmt.Errorf("connect to %s: %w", g.broker.URL, err)
	case <-ctx.Done():
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.trouble != nil {
		return fmt.Errorf("connect to %s: %w", g.broker.URL, unjoined{g.trouble, ctx.Err()})
	}
	return fmt.Errorf("connect to %s: %w", g.broker.URL, ctx.Err())
}

// unjoined is an attempt's reason, and that no more are awaited.
type unjoined struct{ reason, over error }

func (u unjoined) Error() string   { return u.reason.Error() }
func (u unjoined) Unwrap() []error { return []error{u.reason, u.over} }

// listen carries what the bus says to the queue of the broker.
func (g *Gateway) listen(ctx context.Context) error {
	for ctx.Err() == nil {
		frame, err := g.bus.Receive(ctx)
		if err == nil {
			g.overheard(frame)
		} else if ctx.Err() == nil {
			return err
		}
	}
	for range g.toBroker.limit { // what has arrived is had without waiting
		frame, err := g.bus.Receive(ctx)
		if err != nil {
			break
		}
		g.overheard(frame)
	}
	return nil
}

// overheard is one message of the bus.
func (g *Gateway) overheard(frame []byte) {
	topic, payload, err := message.Split(frame)
	if err != nil {
		g.count.malformed.Add(1)
		return
	}
	theirs, k, ok := g.routes.fromBus(topic)
	if !ok {
		g.count.strayed.Add(1)
		return
	}
	if out, ok := g.passes(k, topic, payload, toBroker); ok {
		g.toBroker.put(note{theirs, out})
	}
}

// heard carries what the broker says to the queue of the bus. It never waits: paho reads
// nothing meanwhile.
func (g *Gateway) heard(topic string, payload []byte, retained bool) {
	ours, k, ok := g.routes.fromBroker(topic)
	switch {
	case !ok:
		g.count.strayed.Add(1)
		return
	case retained:
		g.count.retained.Add(1)
		return
	}
	if out, ok := g.passes(k, ours, payload, toBus); ok {
		g.toBus.put(note{ours, out})
	}
}

// passes judges a message, its topic as on our bus.
func (g *Gateway) passes(k kind, ours string, payload []byte, way direction) (out []byte, ok bool) {
	if len(payload) > g.max {
		g.count.oversized.Add(1)
		g.refuse(ours, fmt.Errorf("has more than %d bytes", g.max))
		return nil, false
	}
	out, same, err := g.routes.translate(k, payload, way)
	if err != nil {
		g.count.malformed.Add(1)
		g.refuse(ours, err)
		return nil, false
	}
	switch g.memory.cross(digestOf(ours, same), way, time.Now()) {
	case echo:
		g.count.echoes.Add(1)
		return nil, false
	case repeated:
		g.count.repeated.Add(1)
		return nil, false
	}
	return out, true
}

// refuse notes why a message does not cross.
func (g *Gateway) refuse(topic string, why error) {
	g.log.Debug("message was refused", "topic", topic, "err", why)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.fault = topic + ": " + why.Error()
}

// tell publishes what came from the broker.
func (g *Gateway) tell(ctx context.Context) error {
	for {
		for _, n := range g.toBus.take(1) {
			err := g.bus.Publish(ctx, message.Join(n.topic, n.payload))
			switch {
			case err == nil:
				g.count.toBus.Add(1)
				g.toBus.signal() // there may be more
			case ctx.Err() != nil:
				g.count.lost.Add(1)
				return nil
			default:
				return err
			}
		}
		select {
		case <-g.toBus.more:
		case <-ctx.Done():
			return nil
		}
	}
}

// complaints is how often losses are told, if there are new ones.
const complaints = time.Minute

// complain says that messages are being lost or refused, as that is never silent.
func (g *Gateway) complain(ctx context.Context) {
	tick := time.NewTicker(complaints)
	defer tick.Stop()
	var before uint64
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		f := g.Figures()
		if now := f.Malformed + f.Oversized + f.DroppedToBus + f.DroppedToBroker; now != before {
			g.mu.Lock()
			fault := g.fault
			g.mu.Unlock()
			g.log.Warn("gateway lost or refused messages", append(f.attributes(), "last_fault", fault)...)
			before = now
		}
	}
}
