package command

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"sync"
	"syscall"

	"zmicroservices/context/event"
	"zmicroservices/taskservice/message"
)

// Client is the control socket's end in an operator's program. Its methods may
// be called from many goroutines.
type Client struct {
	conn  net.Conn
	hello Hello
	done  chan struct{} // closed when the reader has ended

	mu    sync.Mutex // guards all below, and writes
	enc   *json.Encoder
	last  int
	calls map[string]*call
	err   error
}

// call is a query under way.
type call struct {
	replies chan reply    // sent by the reader, never closed; capacity: see replyQueue
	left    chan struct{} // closed when nobody reads replies any more
}

// replyQueue is how many replies of one query wait for their reader; the socket
// holds the rest back.
const replyQueue = 64

// Dial connects to a provider's control socket. ErrNobody: there is no socket,
// or nobody listens on it. One that goes away before it has said hello is asked again:
// there may be another by then.
func Dial(ctx context.Context, path string) (*Client, error) {
	for tries := 1; ; tries++ {
		c, err := meet(ctx, path)
		if !errors.Is(err, ErrGone) || tries == maxDials {
			return c, err
		}
	}
}

// maxDials bounds how often a provider is met that goes away.
const maxDials = 10

func meet(ctx context.Context, path string) (*Client, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", path)
	switch {
	case errors.Is(err, os.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		return nil, fmt.Errorf("%w on %s", ErrNobody, path)
	case errors.Is(err, os.ErrPermission):
		return nil, errors.New("connect to provider: permission denied: run the command as the user that runs the provider, or as root")
	case err != nil:
		return nil, fmt.Errorf("connect to provider: %w", err)
	}
	c := &Client{conn: conn, enc: json.NewEncoder(conn), done: make(chan struct{}), calls: map[string]*call{}}
	go c.read() // ends when the connection does: Close, or the provider
	err = c.call(ctx, query{Verb: "hello"}, func(r reply) {
		if r.Hello != nil {
			c.hello = *r.Hello
		}
	})
	if err != nil {
		c.Close()
		return nil, fmt.Errorf("connect to provider: %w", err)
	}
	return c, nil
}

// Hello is what the provider said of itself.
func (c *Client) Hello() Hello { return c.hello }

// Done is closed when the provider has gone, or after Close.
func (c *Client) Done() <-chan struct{} { return c.done }

// Close hangs up.
func (c *Client) Close() error {
	err := c.conn.Close()
	<-c.done
	return err
}

// Publish hands a message of the bus to the provider as if we had published it;
// it appears on the bus. changed, if not nil, is told of the Changes it causes.
// The outcome is that of the frame's header.request_id, which it must have.
func (c *Client) Publish(ctx context.Context, frame []byte, changed func(event.Change)) (Outcome, error) {
	id, err := requestID(frame)
	if err != nil {
		return Outcome{}, err
	}
	var out *Outcome
	err = c.call(ctx, query{ID: id, Verb: "publish", Frame: string(frame)}, func(r reply) {
		if r.Change != nil && changed != nil {
			changed(*r.Change)
		}
		if r.Outcome != nil {
			out = r.Outcome
		}
	})
	switch {
	case err != nil:
		return Outcome{}, err
	case out == nil:
		return Outcome{}, errors.New("provider gave no outcome")
	}
	return *out, nil
}

func requestID(frame []byte) (string, error) {
	topic, payload, err := message.Split(frame)
	if err != nil {
		return "", err
	}
	var h message.Header
	switch topic {
	case message.TopicContext:
		m, err := message.ParseCommand(payload)
		if err != nil {
			return "", err
		}
		h = m.Header
	case message.TopicProcess:
		m, err := message.ParseProcess(payload)
		if err != nil {
			return "", err
		}
		h = m.Header
	case message.TopicState:
		m, err := message.ParseState(payload)
		if err != nil {
			return "", err
		}
		h = m.Header
	default:
		return "", fmt.Errorf("topic %q is none of context, process, state", topic)
	}
	if h.RequestID == "" {
		return "", errors.New("message has no header.request_id")
	}
	return h.RequestID, nil
}

// State gives the latest View of a transaction, or of all ("").
func (c *Client) State(ctx context.Context, transaction string) ([]*event.View, error) {
	var views []*event.View
	err := c.call(ctx, query{Verb: "state", Transaction: transaction}, func(r reply) { views = r.Views })
	return views, err
}

// Why gives the chain of causes of a task service's latest change of state; an
// empty transaction is the latest that has the task. No chain: nothing is known.
func (c *Client) Why(ctx context.Context, transaction, task string) (Why, error) {
	var w Why
	err := c.call(ctx, query{Verb: "why", Transaction: transaction, Task: task}, func(r reply) {
		if r.Why != nil {
			w = *r.Why
		}
	})
	return w, err
}

// History gives rows of the journal, oldest first; of those that match the last
// q.Limit.
func (c *Client) History(ctx context.Context, q HistoryQuery) ([]Entry, error) {
	var entries []Entry
	err := c.call(ctx, query{Verb: "history", History: &q}, func(r reply) { entries = r.History })
	return entries, err
}

// Logs gives lines of output, in batches, until there are no more; with q.Follow
// until ctx or the provider ends, or each gives an error. The provider then goes on
// telling until the client is closed, too.
func (c *Client) Logs(ctx context.Context, q LogQuery, each func([]LogLine) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	err := c.call(ctx, query{Verb: "logs", Logs: &q}, func(r reply) {
		if len(r.Lines) == 0 || context.Cause(ctx) != nil {
			return
		}
		if err := each(r.Lines); err != nil {
			cancel(err)
		}
	})
	if cause := context.Cause(ctx); cause != nil && (err == nil || errors.Is(err, context.Canceled)) {
		return cause
	}
	return err
}

// Watch tells seen of a View first and then of every Change, until seen gives an
// error, the transaction has ended (nil) or ctx ends.
func (c *Client) Watch(ctx context.Context, transaction string, seen func(Sight) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	err := c.call(ctx, query{Verb: "watch", Transaction: transaction}, func(r reply) {
		if r.View == nil && r.Change == nil {
			return
		}
		if err := seen(Sight{View: r.View, Change: r.Change}); err != nil {
			cancel(err)
		}
	})
	if cause := context.Cause(ctx); cause != nil && errors.Is(err, context.Canceled) {
		return cause
	}
	return err
}

// call sends a query and hands on its replies, until the last.
func (c *Client) call(ctx context.Context, q query, each func(reply)) error {
	under := &call{replies: make(chan reply, replyQueue), left: make(chan struct{})}
	defer close(under.left)
	c.mu.Lock()
	if q.ID == "" {
		c.last++
		q.ID = strconv.Itoa(c.last)
	}
	c.calls[q.ID] = under
	err := c.enc.Encode(q)
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		delete(c.calls, q.ID)
		c.mu.Unlock()
	}()
	if err != nil {
		return fmt.Errorf("ask provider: %w", err)
	}
	for {
		select {
		case r := <-under.replies:
			each(r)
			switch {
			case r.Code == "unknown":
				return fmt.Errorf("%w: %s", ErrUnknown, r.Error)
			case r.Error != "":
				return errors.New(r.Error)
			case r.Done:
				return nil
			}
		case <-ctx.Done():
			return ctx.Err()
		case <-c.done:
			if len(under.replies) > 0 { // both were ready: the answer came before the end
				continue
			}
			return c.lost()
		}
	}
}

func (c *Client) lost() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return fmt.Errorf("%w: %w", ErrGone, c.err)
	}
	return ErrGone
}

// read hands replies to the calls that wait for them.
func (c *Client) read() {
	defer close(c.done)
	lines := bufio.NewScanner(c.conn)
	lines.Buffer(make([]byte, 0, 4096), maxLine)
	for lines.Scan() {
		var r reply
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			c.fail(fmt.Errorf("provider spoke no JSON: %w", err))
			return
		}
		c.mu.Lock()
		to := c.calls[r.ID]
		c.mu.Unlock()
		if to == nil {
			continue // its caller has left
		}
		select {
		case to.replies <- r:
		case <-to.left:
		}
	}
	c.fail(lines.Err())
}

func (c *Client) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.err = err
}
