package keeper

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"zmicroservices/context/keeper/kernel"
)

// ErrClosed is the end of a client that was closed by its owner.
var ErrClosed = errors.New("keeper client closed")

// ErrSilent is the end of a client whose keeper said nothing for Options.Silence.
var ErrSilent = errors.New("keeper is silent")

// ErrEnded is the end of a client whose keeper is no more.
var ErrEnded = errors.New("keeper ended")

// ErrFenced is the end of a client whose keeper serves a newer provider: this one
// may do nothing any more. Err is a RefusedError then, and errors.Is finds it.
var ErrFenced = errors.New("another provider took over")

// Client is a provider's end of one connection to a keeper. Its methods may be
// called from any goroutine. Requests take effect in the order of their calls.
type Client struct {
	conn    *net.UnixConn
	opts    Options
	pid     int
	process int    // a pidfd of the keeper; -1 after Close
	version int    // of the keeper
	replay  uint64 // Seq of the last event before this connection
	outer   bool   // the keeper stands first: it ends after us
	in      lines
	rights  []int // descriptors that came and whose message is not read yet

	events chan Event      // sent and closed by deliver; 64, so that a burst costs few switches
	closed chan struct{}   // closed by the first end
	life   context.Context // ends with Close
	quit   context.CancelFunc
	ended  chan struct{}      // closed by await: the keeper's process is gone
	status syscall.WaitStatus // of our own keeper; read after ended
	wg     sync.WaitGroup

	writing sync.Mutex // held for one write

	mu      sync.Mutex // guards what follows
	err     error      // why the client ended
	queue   []*message // read and not yet delivered
	arrived chan struct{}
	asked   map[uint64]chan *message // by Req; capacity 1, sent by receive
	taps    map[uint64]*Tap          // by Seq
	req     uint64
}

// begin starts the three goroutines of a client.
func (c *Client) begin(hello *message, pidfd int, child bool) {
	c.process, _ = kernel.Dup(pidfd) // -1 where there is no room: it cannot be killed then
	c.pid, c.version, c.replay, c.outer = hello.PID, hello.Version, hello.Last, hello.Outermost
	c.events = make(chan Event, 64)
	c.closed = make(chan struct{})
	c.life, c.quit = context.WithCancel(context.Background())
	c.ended = make(chan struct{})
	c.arrived = make(chan struct{}, 1) // a level: something is in queue
	c.asked = make(map[uint64]chan *message)
	c.taps = make(map[uint64]*Tap)
	c.wg.Add(2)
	go c.receive() // ends when the connection does
	go c.deliver() // ends when the connection has and all was delivered, or with Close
	ctx := context.Background()
	if !child { // a child is to be reaped, whatever becomes of the connection
		ctx = c.life
		c.wg.Add(1)
	}
	go c.await(ctx, pidfd, child) // ends with the keeper's process; with Close, if that is no child
}

// Spawn asks for a process. It returns when the request is on its way; the
// outcome is an Event. A second Spawn of an ID is none. ErrVersion: the keeper would
// pass over something that the spec asks for.
func (c *Client) Spawn(s Spec) error {
	if (s.Attributes != nil || s.Cgroup != nil || len(s.Hooks) > 0 || s.Notify != "") && c.version < 3 {
		return fmt.Errorf("give a process attributes, a cgroup, hooks or a socket for notices: %w (version %d); it ends when all its services are stopped", ErrVersion, c.version)
	}
	return c.send(&message{Kind: kindSpawn, Spec: &s})
}

// Watchdog has the keeper judge WATCHDOG=1 of a slot from now on: when none came for
// as long, a Noticed says that it is Overdue, once until one comes. 0 ends that.
func (c *Client) Watchdog(id ID, every time.Duration) error {
	return c.send(&message{Kind: kindWatchdog, ID: id, Every: every})
}

// Hook says that it is time for a slot's hooks of a turn: PostStart alone, the keeper
// sees the others by itself. They run once; a slot that is ending has none any more.
func (c *Client) Hook(id ID, turn string) error {
	return c.send(&message{Kind: kindHook, ID: id, Name: turn})
}

// Stop runs the recipe on a slot, its own if r is nil. The end is an Event.
func (c *Client) Stop(id ID, r *Recipe) error {
	return c.send(&message{Kind: kindStop, ID: id, Recipe: r})
}

// Signal sends one signal to the leader alone.
func (c *Client) Signal(id ID, sig syscall.Signal) error {
	return c.send(&message{Kind: kindSignal, ID: id, Signal: sig})
}

// Kill ends a slot by SIGKILL until nothing is left of it, for 10 s at most.
func (c *Client) Kill(id ID) error { return c.send(&message{Kind: kindKill, ID: id}) }

// Ack says that every event up to seq is recorded: the keeper forgets them, and
// the slots that ended with them.
func (c *Client) Ack(seq uint64) error { return c.send(&message{Kind: kindAck, Seq: seq}) }

// List returns every slot that the keeper holds.
func (c *Client) List(ctx context.Context) ([]Status, error) {
	m, err := c.ask(ctx, &message{Kind: kindList})
	if err != nil {
		return nil, fmt.Errorf("list slots: %w", err)
	}
	return m.List, nil
}

// Stats returns what the keeper costs.
func (c *Client) Stats(ctx context.Context) (Stats, error) {
	m, err := c.ask(ctx, &message{Kind: kindStats})
	if err != nil {
		return Stats{}, fmt.Errorf("ask keeper for stats: %w", err)
	}
	if m.Stats == nil {
		return Stats{}, errors.New("ask keeper for stats: empty reply")
	}
	return *m.Stats, nil
}

// Events is the stream of all that happens. It never drops: what is not read
// waits, and a reader that takes nothing for Options.Silence counts as hung.
// It is closed when the keeper is lost or the client closed.
func (c *Client) Events() <-chan Event { return c.events }

// Err is why the stream ended; nil while it goes on.
func (c *Client) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// PID is the keeper's.
func (c *Client) PID() int { return c.pid }

// Replay is the Seq of the last event that happened before this connection: what
// comes up to it was told to a provider before, or to nobody.
func (c *Client) Replay() uint64 { return c.replay }

// Outermost says that the keeper stands first (--init) and this provider below it:
// the keeper starts another one if this ends otherwise than by Shutdown, exit code 0
// or a signal that came through it.
func (c *Client) Outermost() bool { return c.outer }

// Ready passes a readiness and a status line on to the service manager, if an
// outermost keeper has one; else it does nothing.
func (c *Client) Ready(status string) error {
	return c.send(&message{Kind: kindReady, Text: status})
}

// Shutdown asks the keeper to stop everything by rank and recipe, and returns
// when its process is gone; of an outermost keeper, when everything else is. The
// events of it come as ever, until the stream is closed behind the last; who does
// not care for them calls Close.
func (c *Client) Shutdown(ctx context.Context) error {
	// A keeper that is lost already may still be ending: that is waited for too.
	_ = c.send(&message{Kind: kindShutdown})
	var hungUp <-chan struct{}
	if c.outer {
		hungUp = c.closed
	}
	select {
	case <-c.ended:
		if c.status != 0 {
			return fmt.Errorf("shut down keeper %d: it ended with %s", c.pid, describe(c.status))
		}
		return nil
	case <-hungUp:
		if err := c.Err(); !errors.Is(err, ErrEnded) {
			return fmt.Errorf("shut down keeper %d: %w", c.pid, err)
		}
		return nil
	case <-ctx.Done():
		return fmt.Errorf("shut down keeper %d: %w", c.pid, ctx.Err())
	}
}

// Close ends the connection and the client's goroutines; events that were not read
// are not delivered. The keeper is without a provider then.
func (c *Client) Close() error {
	c.end(ErrClosed)
	c.quit()
	c.wg.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.process >= 0 {
		_ = syscall.Close(c.process)
		c.process = -1
	}
	return nil
}

// Oust kills the keeper itself, and returns when it is gone: for one that is silent, of
// which nobody knows what it would do next. What it holds goes on, for another one to
// adopt. An outermost keeper is not killed: it would take all along.
func (c *Client) Oust(ctx context.Context) error {
	if c.outer {
		return fmt.Errorf("oust keeper %d: it stands first", c.pid)
	}
	c.mu.Lock()
	err := kernel.Signal(c.process, syscall.SIGKILL)
	c.mu.Unlock()
	if err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("oust keeper %d: %w", c.pid, err)
	}
	select {
	case <-c.ended:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("oust keeper %d: %w", c.pid, ctx.Err())
	}
}

// end closes the connection; the first reason stays.
func (c *Client) end(why error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		c.err = why
		close(c.closed)
		_ = c.conn.Close()
	}
}

// await closes ended when the keeper's process is gone: a pidfd is readable then,
// and waits in the runtime's poller with no thread of its own.
func (c *Client) await(ctx context.Context, pidfd int, child bool) {
	if !child {
		defer c.wg.Done()
	}
	if awaitEnd(ctx, pidfd) != nil {
		return
	}
	// It may be our child after all, started by what this process executed before.
	_, _ = syscall.Wait4(c.pid, &c.status, 0, nil)
	close(c.ended)
}

// awaitEnd waits for the end of a process and closes its pidfd.
func awaitEnd(ctx context.Context, pidfd int) error {
	_ = syscall.SetNonblock(pidfd, true)
	f := os.NewFile(uintptr(pidfd), "pidfd")
	defer func() { _ = f.Close() }()
	stop := context.AfterFunc(ctx, func() { _ = f.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	raw, err := f.SyscallConn()
	if err == nil {
		err = raw.Read(func(fd uintptr) bool { return kernel.Readable(int(fd)) })
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

func describe(status syscall.WaitStatus) string {
	if status.Signaled() {
		return status.Signal().String()
	}
	return fmt.Sprintf("exit code %d", status.ExitStatus())
}
