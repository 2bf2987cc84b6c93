package keeper

import (
	"fmt"
	"syscall"
	"time"

	"zmicroservices/context/keeper/kernel"
)

// conn is one connection: a provider's, or of someone who has yet to say hello.
type conn struct {
	fd     int
	pid    int // of who connected
	epoch  uint64
	in     lines
	out    []byte
	next   uint64 // Seq of the event to send next
	full   bool   // the socket takes no more; epoll waits for it
	closed bool
	sent   uint64 // bytes
	rights []int  // came and were not asked about yet
	gifts  []gift // in order
	pings  int    // sent since it was last heard
	timer  *timer // hello is due, then pings

	taps []*tapped
	due  []*tapped // those that have something to send, in order
}

func (c *conn) send(m *message) { c.out, _ = m.encode(c.out) }

// ready reads everything that is there and does it.
func (c *conn) ready(s *server) {
	if c.full { // it takes what we say again, or says something itself
		c.full, c.pings = false, 0
		s.rewatch(c.fd, syscall.EPOLLIN)
	}
	for !c.closed {
		n, err := c.receive()
		switch {
		case err == syscall.EINTR:
			continue
		case err == syscall.EAGAIN:
			return
		case n <= 0:
			s.drop(c, "provider's connection was closed")
			return
		}
		c.in.filled(n)
		c.pings = 0
		for !c.closed {
			line, err := c.in.next()
			if err != nil {
				s.drop(c, err.Error())
				return
			}
			if line == nil {
				if c.epoch == 0 && c.in.seen > maxHello {
					s.refuse(c, "hello is too long")
				}
				break
			}
			s.receive(c, line)
		}
	}
}

// flush sends what is due: replies first, then events from where the connection
// stands, then output. Events are encoded only when the socket takes them, so that a hung
// provider costs no second copy.
func (c *conn) flush(s *server) {
	for !c.full && !c.closed {
		for s.conn == c && len(c.out) < 64<<10 {
			if ev := s.events.at(c.next); ev != nil {
				c.send(&message{Kind: kindEvent, Event: ev})
				c.next++
			} else if !c.sendTapped() {
				break
			}
		}
		if len(c.out) == 0 {
			c.out = nil
			return
		}
		text, rights := c.piece()
		n, err := syscall.SendmsgN(c.fd, text, rights, nil, syscall.MSG_NOSIGNAL)
		switch {
		case err == syscall.EAGAIN:
			c.full = true
			s.rewatch(c.fd, syscall.EPOLLIN|syscall.EPOLLOUT)
		case err == syscall.EINTR:
		case err != nil:
			s.drop(c, "provider's connection was lost: "+err.Error())
		default:
			c.passed(n, rights)
		}
	}
}

// flushAll is the last flush: it waits for the socket, for a second at most.
func (c *conn) flushAll(s *server) {
	_ = syscall.SetNonblock(c.fd, false)
	tv := syscall.NsecToTimeval(int64(time.Second))
	_ = syscall.SetsockoptTimeval(c.fd, syscall.SOL_SOCKET, syscall.SO_SNDTIMEO, &tv)
	c.full = false
	c.flush(s)
}

func (s *server) receive(c *conn, line []byte) {
	m, err := decode(line)
	switch {
	case err != nil:
		s.note(err.Error()) // one bad line is no reason to end every service
	case m.Kind == kindHello:
		s.hello(c, m)
	case c != s.conn:
		s.refuse(c, "hello comes first")
	default:
		s.handle(c, m)
	}
}

// handle does one request. Kinds that it does not know are of a newer provider.
func (s *server) handle(c *conn, m *message) {
	switch m.Kind {
	case kindSpawn:
		s.spawn(*m.Spec)
	case kindStop:
		s.with(m.ID, func(slot *slot) { slot.ask(); s.stop(slot, m.Recipe) })
	case kindKill:
		s.with(m.ID, func(slot *slot) { slot.ask(); s.kill(slot) })
	case kindSignal:
		s.with(m.ID, func(slot *slot) {
			if slot.pidfd >= 0 {
				_ = kernel.Signal(slot.pidfd, m.Signal)
			}
		})
	case kindWatchdog:
		s.with(m.ID, func(slot *slot) {
			if slot.ear != nil {
				slot.ear.watchdog(s, m.Every)
			}
		})
	case kindHook:
		s.with(m.ID, func(slot *slot) {
			if m.Name == PostStart && slot.state == Running && slot.turn == nil {
				s.takeTurn(slot, PostStart, func(string) {})
			}
		})
	case kindAck:
		s.acknowledge(m.Seq)
	case kindList:
		list := make([]Status, 0, len(s.slots))
		for _, slot := range s.slots {
			list = append(list, s.status(slot))
		}
		c.send(&message{Kind: kindReply, Req: m.Req, List: list})
	case kindStats:
		c.send(&message{Kind: kindReply, Req: m.Req, Stats: s.stats()})
	case kindShutdown:
		for _, slot := range s.slots {
			slot.ask()
		}
		s.stopAll("asked by its provider")
	case kindPing:
		c.send(&message{Kind: kindPong})
	case kindAdopt:
		c.send(&message{Kind: kindReply, Req: m.Req, List: s.claims(m.Claims)})
	case kindUpgrade:
		s.upgrade(c, m)
	case kindGuard:
		s.guardProvider(c, m)
	case kindReady:
		s.proven(c)
		s.manager.ready(m.Text)
	case kindTap:
		s.tap(c, m)
	case kindUntap:
		s.untap(c, m.Seq)
	default:
		s.handleStore(c, m)
	}
}

// with finds the slot, or says that there is none: it never was, or its end is
// acknowledged.
func (s *server) with(id ID, do func(*slot)) {
	slot := s.slots[id]
	if slot == nil {
		s.emit(Event{Kind: Refused, ID: id, Err: "no such slot"})
		return
	}
	do(slot)
}

// hello makes the connection the provider's, if its epoch is the newest. The one
// before is fenced off: what it still has to say is not heard.
func (s *server) hello(c *conn, m *message) {
	switch {
	case c.epoch != 0:
		return // said already
	case s.ending:
		s.refuse(c, endingReason)
		return
	case m.Epoch <= s.epoch:
		s.refuse(c, fmt.Sprintf("epoch %d is not newer than %d", m.Epoch, s.epoch))
		return
	}
	before := s.conn
	s.conn, s.epoch, c.epoch = c, m.Epoch, m.Epoch
	if before != nil {
		s.refuse(before, fmt.Sprintf("epoch %d took over", m.Epoch))
	}
	s.door.admit(c)
	s.timers.cancel(s.alone)
	s.alone = nil
	if s.ward != nil && s.ward.pid == c.pid {
		s.ward.greeted = true
	}
	s.endTaps()
	c.next = s.events.acked + 1 // everything unacknowledged, once more
	c.send(&message{Kind: kindHello, Version: Version, Epoch: s.epoch, PID: s.pid, Seq: s.events.acked, Last: s.events.last(), Outermost: s.ward != nil})
	for _, text := range s.notes {
		c.send(&message{Kind: kindNote, Text: text})
	}
	s.notes = nil
	s.tellLosses(true)
	s.heartbeat(c)
}

// heartbeat pings, and takes a provider that answered none of three pings for
// gone: it may be hung or stopped, and another one may be waiting. It counts
// pings, not time: after a pause of the whole machine both sides have been silent
// for long, and are alive.
func (s *server) heartbeat(c *conn) {
	s.timers.cancel(c.timer)
	c.timer = s.timers.after(s.opts.silence/heartbeats, func() {
		if s.handover != nil { // it is not read meanwhile
			c.pings = 0
		}
		if c.pings == heartbeats {
			s.refuse(c, "provider was silent for "+s.opts.silence.String())
			if s.ward != nil && s.ward.pid == c.pid {
				s.ward.hung()
			}
			return
		}
		c.pings++
		c.send(&message{Kind: kindPing})
		s.heartbeat(c)
	})
}

// heartbeats is how many pings go unanswered before a peer counts as gone.
const heartbeats = 3

// endingReason is why a keeper takes nobody any more. Its pid comes along, so that
// its end can be waited for.
const endingReason = "keeper is ending"

// refuse says why and ends the connection. A socket that is full does not take the
// reason; who then finds it closed asks again, and is told.
func (s *server) refuse(c *conn, why string) {
	c.send(&message{Kind: kindRefused, Err: why, Epoch: s.epoch, Version: Version, PID: s.pid})
	if !c.full && len(c.gifts) == 0 {
		_, _ = syscall.SendmsgN(c.fd, c.out, nil, nil, syscall.MSG_NOSIGNAL|syscall.MSG_DONTWAIT)
	}
	s.drop(c, why)
}

// drop closes a connection. If it was the provider's, the keeper is alone.
func (s *server) drop(c *conn, why string) {
	if c.closed {
		return
	}
	c.closed = true
	s.timers.cancel(c.timer)
	s.door.admit(c)
	s.forget(c.fd)
	_ = syscall.Shutdown(c.fd, syscall.SHUT_RDWR) // a spawner may have a copy
	_ = syscall.Close(c.fd)
	c.giveUp()
	if s.conn != c {
		return
	}
	s.conn = nil
	s.endTaps()
	s.note(why)
	s.leftAlone(why)
}

// note says something to the provider's log, now or when there is one.
func (s *server) note(text string) {
	const most = 100
	switch {
	case s.conn != nil:
		s.conn.send(&message{Kind: kindNote, Text: text})
	case len(s.notes) < most:
		s.notes = append(s.notes, text)
	default:
		s.lost++
	}
}
