package keeper

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// send writes one message; a descriptor goes with its first byte.
func (c *Client) send(m *message, rights ...int) error {
	text, err := m.encode(nil)
	if err != nil {
		return err
	}
	c.writing.Lock()
	defer c.writing.Unlock()
	// The keeper always reads: a full socket means that it is hung.
	_ = c.conn.SetWriteDeadline(time.Now().Add(c.opts.Silence))
	n := 0
	if len(rights) > 0 {
		n, _, err = c.conn.WriteMsgUnix(text, syscall.UnixRights(rights...), nil)
	}
	if err == nil && n < len(text) {
		_, err = c.conn.Write(text[n:])
	}
	if err != nil {
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			c.end(ErrSilent)
		case !hungUp(err):
			c.end(err)
		}
		<-c.closed // by receive, if the keeper hung up: what it said before tells why
		return fmt.Errorf("send %s to keeper: %w", m.Kind, c.Err())
	}
	return nil
}

// ask sends a request and waits for its reply.
func (c *Client) ask(ctx context.Context, m *message, rights ...int) (*message, error) {
	if c.version < 2 && m.Kind != kindList && m.Kind != kindStats {
		return nil, ErrVersion
	}
	if c.version < 4 && (m.Kind == kindUpgrade || m.Kind == kindGuard) {
		return nil, ErrVersion
	}
	reply := make(chan *message, 1) // sent by receive, once
	c.mu.Lock()
	c.req++
	m.Req = c.req
	c.asked[m.Req] = reply
	c.mu.Unlock()
	err := c.send(m, rights...)
	if err == nil {
		select {
		case got := <-reply:
			return got.answer()
		case <-c.closed:
			err = c.Err()
		case <-ctx.Done():
			err = ctx.Err()
		}
	}
	c.mu.Lock()
	delete(c.asked, m.Req)
	c.mu.Unlock()
	select { // it may have come all the same: select picks at random
	case got := <-reply:
		return got.answer()
	default:
		return nil, err
	}
}

// answer is the reply, or the error that it tells.
func (m *message) answer() (*message, error) {
	switch m.Err {
	case "":
		return m, nil
	case ErrNoDescriptor.Error():
		return nil, ErrNoDescriptor
	default:
		return nil, errors.New(m.Err)
	}
}
