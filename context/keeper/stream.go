package keeper

import (
	"errors"
	"io"
	"os"
	"syscall"
	"time"
)

// read returns the next message.
func (c *Client) read() (*message, error) {
	for {
		line, err := c.in.next()
		if err != nil {
			return nil, err
		}
		if line != nil {
			return c.complete(decode(line))
		}
		var control [64]byte
		n, oobn, _, _, err := c.conn.ReadMsgUnix(c.in.room(), control[:])
		if err != nil {
			return nil, err
		}
		if n == 0 {
			return nil, io.EOF
		}
		c.rights = append(c.rights, parseRights(control[:oobn])...)
		c.in.filled(n)
	}
}

// complete gives a message the descriptor that came with it.
func (c *Client) complete(m *message, err error) (*message, error) {
	if err != nil {
		return nil, err
	}
	m.fd = -1
	if m.Right && len(c.rights) > 0 {
		m.fd, c.rights = c.rights[0], c.rights[1:]
	}
	return m, nil
}

// earnest is how many turns a keeper may miss by chance: its turns and ours are as long.
const earnest = heartbeats - 1

// receive reads until the connection ends. Replies go to who asked, so that a
// reader of events may ask; the rest is queued. The queue needs no bound of its
// own: the keeper holds as many events until they are acknowledged.
func (c *Client) receive() {
	defer c.wg.Done()
	defer close(c.arrived)
	defer func() { closeAll(c.rights) }()
	for quiet := 0; ; {
		_ = c.conn.SetReadDeadline(time.Now().Add(c.opts.Silence / heartbeats))
		m, err := c.read()
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			// Counted as the keeper counts: not time, but turns that were missed.
			if quiet++; quiet == earnest {
				c.opts.Silent(true)
			}
			if quiet < heartbeats {
				continue
			}
			c.end(ErrSilent)
			return
		case err != nil:
			c.end(c.lost())
			return
		case m.Kind == kindRefused:
			why := c.refusal(m)
			if !errors.Is(why, ErrFenced) { // the reason is old, if this process was stopped
				if now := c.lost(); errors.Is(now, ErrFenced) {
					why = now
				}
			}
			c.end(why)
			return
		case m.Kind == kindEnded:
			c.end(ErrEnded)
			return
		}
		if quiet >= earnest {
			c.opts.Silent(false)
		}
		quiet = 0
		c.mu.Lock()
		switch m.Kind {
		case kindReply:
			if reply := c.asked[m.Req]; reply != nil {
				delete(c.asked, m.Req)
				reply <- m
			} else if m.fd >= 0 {
				_ = syscall.Close(m.fd)
			}
		case kindLines:
			if t := c.taps[m.Seq]; t != nil {
				t.heard(Heard{m.Lines, m.Dropped})
			}
		default:
			c.queue = append(c.queue, m)
			select {
			case c.arrived <- struct{}{}:
			default:
			}
		}
		c.mu.Unlock()
	}
}

// deliver hands out events in order, and answers a ping when its turn comes: a
// provider that takes no events does not answer, and is a hung one.
func (c *Client) deliver() {
	defer c.wg.Done()
	defer close(c.events)
	for more := true; more; {
		_, more = <-c.arrived
		c.mu.Lock()
		queue := c.queue
		c.queue = nil
		c.mu.Unlock()
		for _, m := range queue {
			switch m.Kind {
			case kindEvent:
				if !c.hand(*m.Event) {
					return
				}
			case kindPing:
				_ = c.send(&message{Kind: kindPong})
			case kindLosses:
				for _, l := range m.Losses {
					c.opts.Dropped(l)
				}
			case kindNote:
				c.opts.Logger.Info("keeper spoke", "pid", c.pid, "text", m.Text)
			}
		}
	}
}

// hand delivers one event. What was read before the keeper was lost is still
// delivered; only the owner's Close gives up the rest.
func (c *Client) hand(ev Event) bool {
	select {
	case c.events <- ev:
		return true
	case <-c.life.Done():
		return false
	}
}
