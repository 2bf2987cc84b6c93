package bus

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"zmicroservices/taskservice/zmtp/curve"
	"zmicroservices/taskservice/zmtp/plain"
)

// Limits of one client.
const (
	MaxMessage   = 64 << 20 // bytes a message, either way
	defaultQueue = 1000     // messages queued, either way
	maxQueued    = 32 << 20 // bytes queued, either way
	maxUpstream  = 64 << 10 // bytes a message that a forwarder sends a publisher: a subscription
)

var (
	// ErrClosed is returned once Close was called.
	ErrClosed = errors.New("bus is closed")
	// ErrFull is returned by Publish when no room came up in time.
	ErrFull = errors.New("bus queue is full")
)

// Options say where the bus is. Either endpoint may be empty: then the Bus
// only publishes, or only listens.
type Options struct {
	Frontend string       // where to subscribe, tcp://host:port or ipc://path
	Backend  string       // where to publish
	Topics   []string     // prefixes to subscribe to; nil: none; [""]: everything
	Queue    int          // messages queued for sending, and as many received; 0: 1000
	Logger   *slog.Logger // nil: silent

	// Curve makes the bus speak CURVE over tcp, with what keys.LoadCredentials reads
	// from a file; Plain makes it speak PLAIN. With neither it speaks NULL, and over
	// ipc always, where the kernel says who is there. A forwarder that offers
	// another mechanism is refused: there is no falling back.
	Curve *curve.Credentials
	Plain *plain.Credentials

	// JoinTime bounds the wait for a forwarder's subscription before anything is
	// sent on a connection; 0: 2 s. One that never subscribes is a proxy that nobody
	// listens to yet, or one too busy to say so, which throws away what comes first.
	JoinTime time.Duration
}

// Bus is one client. All methods may be called at the same time.
type Bus struct {
	log *slog.Logger
	pub *publisher  // nil without a Backend
	sub *subscriber // nil without a Frontend

	roll    *roll
	cancel  context.CancelFunc // ends both
	running sync.WaitGroup     // both
	closing sync.Once
	closed  chan struct{} // closed by Close when it begins
	dropped atomic.Uint64

	refused chan error // capacity 2, one a side and only before the first join; never closed
	mu      sync.Mutex // guards trouble
	trouble error      // why the last attempt to connect failed
}

// Dial connects and returns when joined: the forwarder has acted on our
// subscriptions and has subscribed to what we publish, so the first message in
// either direction is not lost. (A forwarder of ZMTP 3.0 cannot be asked; then
// it is a short wait. One that passes subscriptions through, and has none to
// pass, is not waited for.)
//
// ctx bounds the joining alone. While nobody is there Dial goes on trying; it
// returns at once when the peer is no forwarder's end or refuses us.
func Dial(ctx context.Context, o Options) (*Bus, error) {
	b, err := newBus(o)
	if err != nil {
		return nil, err
	}
	life, cancel := context.WithCancel(context.Background())
	b.cancel = cancel
	if b.pub != nil {
		b.running.Go(func() { b.pub.run(life) }) // ends in Close
	}
	if b.sub != nil {
		b.running.Go(func() { b.sub.run(life) }) // ends in Close
	}
	select {
	case <-b.roll.first:
		return b, nil
	case err = <-b.refused:
	case <-ctx.Done():
		err = ctx.Err()
		if trouble := b.lastTrouble(); trouble != nil {
			err = fmt.Errorf("%w: %w", trouble, err)
		}
	}
	cancel()
	b.running.Wait()
	return nil, fmt.Errorf("join bus: %w", err)
}

func newBus(o Options) (*Bus, error) {
	b := &Bus{
		log:     o.Logger,
		closed:  make(chan struct{}),
		refused: make(chan error, 2),
	}
	if b.log == nil {
		b.log = slog.New(slog.DiscardHandler)
	}
	security := security{o.Curve, o.Plain}
	if err := security.validate(); err != nil {
		return nil, err
	}
	if o.Queue <= 0 {
		o.Queue = defaultQueue
	}
	sides := 0
	for _, endpoint := range []string{o.Backend, o.Frontend} {
		if endpoint != "" {
			sides++
		}
	}
	if sides == 0 {
		return nil, errors.New("bus has neither a frontend nor a backend")
	}
	b.roll = newRoll(sides)
	if o.Backend != "" {
		to, err := parseEndpoint(o.Backend)
		if err != nil {
			return nil, err
		}
		b.pub = &publisher{side: b.side(to, security), queue: newQueue(o.Queue, maxQueued), joinTime: cmp.Or(o.JoinTime, joinTime), done: make(chan struct{})}
	}
	if o.Frontend != "" {
		to, err := parseEndpoint(o.Frontend)
		if err != nil {
			return nil, err
		}
		b.sub = &subscriber{side: b.side(to, security), queue: newQueue(o.Queue, maxQueued), topics: slices.Clone(o.Topics)}
	}
	return b, nil
}

func (b *Bus) side(to endpoint, s security) side {
	if to.network == "unix" {
		s = security{}
	}
	return side{
		to:       to,
		security: s,
		roll:     b.roll,
		log:      b.log.With("endpoint", to.text),
		report:   func(err error) { b.failed(to, err) },
	}
}

// failed is told of every attempt to connect that failed. Why a forwarder that once
// had us does not want us any more is logged, once while it stays the same.
func (b *Bus) failed(to endpoint, err error) {
	err = fmt.Errorf("%s: %w", to, err)
	b.mu.Lock()
	news := b.trouble == nil || b.trouble.Error() != err.Error()
	b.trouble = err
	b.mu.Unlock()
	if refused := (*refusedError)(nil); !errors.As(err, &refused) {
		return
	}
	select {
	case <-b.roll.first:
		if news {
			b.log.Warn("bus refused us; trying again", "err", err)
		}
		return
	default:
	}
	select {
	case b.refused <- err:
	default:
	}
}

func (b *Bus) lastTrouble() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.trouble
}

// Publish queues one frame, which from then on belongs to the Bus. It waits
// for room until ctx ends and then returns ErrFull (and ctx's error); a ctx
// that has ended already makes it not wait at all. Frames are queued while the
// forwarder is away and sent when it is back; those of one caller stay in order.
func (b *Bus) Publish(ctx context.Context, frame []byte) error {
	if b.pub == nil {
		return errors.New("publish: bus has no backend")
	}
	if len(frame) > MaxMessage {
		return fmt.Errorf("publish: message of %d bytes, the limit is %d", len(frame), MaxMessage)
	}
	err := b.pub.queue.put(ctx, frame)
	if err == nil {
		return nil
	}
	if errors.Is(err, ErrClosed) {
		return fmt.Errorf("publish: %w", err)
	}
	b.dropped.Add(1)
	return fmt.Errorf("publish: %w: %w", ErrFull, err)
}

// Receive returns the next message, which belongs to the caller. A lost
// connection is no error here, see Rejoined. Messages of several frames, which
// nothing on this bus sends, are left out. Who does not receive for long makes
// the forwarder queue, and in the end drop, what is meant for him.
func (b *Bus) Receive(ctx context.Context) ([]byte, error) {
	if b.sub == nil {
		return nil, errors.New("receive: bus has no frontend")
	}
	for {
		frame, ok := b.sub.queue.takeOne()
		if ok {
			return frame, nil
		}
		select {
		case <-b.sub.queue.more:
		case <-b.closed:
			return nil, fmt.Errorf("receive: %w", ErrClosed)
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// Subscribe adds a prefix and returns when the forwarder has acted on it. It
// is kept over reconnects; while the forwarder is away there is nothing to
// wait for.
func (b *Bus) Subscribe(ctx context.Context, prefix string) error {
	if b.sub == nil {
		return errors.New("subscribe: bus has no frontend")
	}
	if err := b.sub.add(ctx, prefix); err != nil {
		return fmt.Errorf("subscribe to %q: %w", prefix, err)
	}
	return nil
}

// Unsubscribe ends the subscription to a prefix, whoever has made it. It does not wait:
// what was on its way still comes.
func (b *Bus) Unsubscribe(prefix string) {
	if b.sub != nil {
		b.sub.remove(prefix)
	}
}

// Rejoined gets a token each time the bus is joined again after a connection
// was lost: now is the time to repeat what must not have been lost. It is
// never closed.
func (b *Bus) Rejoined() <-chan struct{} { return b.roll.rejoined }

// Dropped is the number of outgoing frames that were lost on our side: those
// that Publish returned ErrFull for, and those that Close could not send.
func (b *Bus) Dropped() uint64 { return b.dropped.Load() }

// Close takes no more frames, waits until what is queued has been read by the
// forwarder or ctx ends, and closes. An error says how many frames were not
// sent. Further calls return nil at once.
func (b *Bus) Close(ctx context.Context) (err error) {
	b.closing.Do(func() { err = b.close(ctx) })
	return err
}

func (b *Bus) close(ctx context.Context) error {
	close(b.closed)
	defer b.running.Wait()
	defer b.cancel()
	if b.pub == nil {
		return nil
	}
	b.pub.queue.close()
	if b.pub.queue.owed() > 0 || b.pub.connected.Load() {
		b.pub.wait(ctx)
	}
	b.cancel()
	b.running.Wait()
	if n := b.pub.queue.owed(); n > 0 {
		b.dropped.Add(uint64(n))
		return fmt.Errorf("close bus: %d messages not sent: %w", n, ctx.Err())
	}
	return nil
}

// Connected says whether every connection is joined at this moment.
func (b *Bus) Connected() bool { return b.roll.complete() }
