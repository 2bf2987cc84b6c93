package keeper

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"time"

	"zmicroservices/context/keeper/kernel"
)

// RefusedError is the keeper's reason not to serve a connection, or to end it. It
// is ErrFenced when a newer provider is the reason.
type RefusedError struct {
	Reason string
	Epoch  uint64 // the highest that the keeper has seen
	pid    int    // the keeper's, of version 2
	own    uint64
}

func (e *RefusedError) Error() string { return "keeper refused: " + e.Reason }

// Is finds ErrFenced.
func (e *RefusedError) Is(target error) bool {
	return target == ErrFenced && e.own > 0 && e.Epoch > e.own
}

// ending says that the keeper is on its way out.
func (e *RefusedError) ending() bool { return e.Reason == endingReason }

func (c *Client) refusal(m *message) error {
	// Version 1 says the old epoch when a new one takes over.
	if m.Version < 2 && strings.HasSuffix(m.Err, " took over") {
		_, _ = fmt.Sscanf(m.Err, "epoch %d", &m.Epoch)
	}
	return &RefusedError{Reason: m.Err, Epoch: m.Epoch, pid: m.PID, own: c.opts.Epoch}
}

// greet meets who listens in the runtime directory. The pidfd is that of our
// child, -1 of a keeper that runs already.
func greet(ctx context.Context, o Options, pidfd int) (*Client, error) {
	if o.Epoch == 0 { // it is refused, and with it comes the highest
		_, _, err := hail(ctx, o)
		var refused *RefusedError
		if !errors.As(err, &refused) || refused.ending() {
			return nil, err
		}
		o.Epoch = refused.Epoch + 1
	}
	c, hello, err := hail(ctx, o)
	child := pidfd >= 0
	if err == nil && !child {
		if pidfd, err = kernel.OpenPidfd(hello.PID, 0); err != nil {
			_ = c.conn.Close()
		}
	}
	if err != nil {
		return nil, err
	}
	c.begin(hello, pidfd, child)
	return c, nil
}

// hail dials, says hello and hears it.
func hail(ctx context.Context, o Options) (*Client, *message, error) {
	address, release, err := socketAddress(o.RuntimeDir)
	if err != nil {
		return nil, nil, err
	}
	defer release()
	nc, err := new(net.Dialer).DialContext(ctx, "unix", address)
	if err != nil {
		return nil, nil, err
	}
	conn := nc.(*net.UnixConn)
	// A cancelled ctx interrupts the reading below.
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	c := &Client{conn: conn, opts: o}
	hello, err := c.hello()
	if !stop() && err == nil {
		err = ctx.Err() // the deadline is set, or about to be
	}
	if err != nil {
		_ = conn.Close()
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return nil, nil, err
	}
	return c, hello, nil
}

func (c *Client) hello() (*message, error) {
	text, err := (&message{Kind: kindHello, Version: Version, Epoch: c.opts.Epoch, PID: os.Getpid()}).encode(nil)
	if err != nil {
		return nil, err
	}
	if _, err := c.conn.Write(text); err != nil {
		return nil, err
	}
	m, err := c.read()
	switch {
	case err != nil:
		return nil, fmt.Errorf("await hello: %w", err)
	case m.Kind == kindRefused:
		return nil, c.refusal(m)
	case m.Kind != kindHello:
		return nil, fmt.Errorf("await hello: got %s", m.Kind)
	}
	return m, nil
}

// lost finds out why the keeper hung up without a word: it is no more, or it
// dropped us and had no room to say so. Epoch 0 is refused by whoever listens, and
// with it comes the highest.
func (c *Client) lost() error {
	ctx, cancel := context.WithTimeout(c.life, c.opts.Silence)
	defer cancel()
	o := c.opts
	o.Epoch = 0
	_, _, err := hail(ctx, o)
	var refused *RefusedError
	if !errors.As(err, &refused) || refused.ending() {
		return ErrEnded
	}
	refused.own, refused.Reason = c.opts.Epoch, "it took this provider for gone"
	if refused.Is(ErrFenced) {
		refused.Reason = fmt.Sprintf("epoch %d took over", refused.Epoch)
	}
	return refused
}

// hungUp: the peer closed the connection, or is no more.
func hungUp(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET)
}

// maxTries bounds how often a keeper is asked again that hangs up on us: one that was
// killed does so until its last thread is gone, one with too many strangers always.
const maxTries = 100

// vacant finds out that no keeper serves the directory, or says ErrRunning.
func vacant(ctx context.Context, dir string) error {
	ctx, cancel := context.WithTimeout(ctx, helloPatience)
	defer cancel()
	for range maxTries {
		_, _, err := hail(ctx, Options{RuntimeDir: dir}) // of epoch 0: it takes over nothing
		if nobodyListens(err) {
			return nil
		}
		if !hungUp(err) {
			return ErrRunning
		}
	}
	return ErrRunning
}

// nobodyListens: there is no socket, or one that its owner left behind.
func nobodyListens(err error) bool {
	return errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED)
}
