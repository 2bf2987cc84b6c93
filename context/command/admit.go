package command

import (
	"fmt"
	"os"
	"sync"
	"time"

	"zmicroservices/context/event"
	"zmicroservices/taskservice/message"
)

// Admit says whether a peer is heard on a guarded topic: our own uid and root
// are, as the kernel names them; who is not is told why on the bus, a few times a
// second at most.
func (h *Handler) Admit(p Peer, topic string, frame []byte) error {
	err := h.trusted(p)
	if err == nil || topic != message.TopicContext || !h.denied.allow(time.Now()) {
		return err
	}
	if _, payload, split := message.Split(frame); split == nil {
		// What could be read of its header is enough to answer it.
		c, _ := message.ParseCommand(payload)
		h.refuse(c.Header, event.TransactionID(c.Header.Transaction), err.Error())
	}
	return err
}

// trusted is the rule of who may command, and whose words about a service count.
func (h *Handler) trusted(p Peer) error {
	own := os.Getuid()
	switch {
	case p.Self, p.UID == 0, p.UID == own:
		return nil
	case p.UID >= 0:
		return fmt.Errorf("uid %d may not command this context: only uid %d, which runs the provider, and root are heard on context, process and state; run the command as one of them", p.UID, own)
	case !p.Loopback && h.opts.Insecure:
		return nil
	case !p.Loopback:
		return fmt.Errorf("peer %s is on another machine, where nobody vouches for it: only local peers are heard, unless the provider runs with --insecure", p.Name)
	default:
		return fmt.Errorf("peer %s may not command this context: its uid could not be learned before it hung up; keep the connection until the answer", p.Name)
	}
}

// limiter lets through a few a second.
type limiter struct {
	mu    sync.Mutex // guards all below
	since time.Time
	n     int
}

// answersPerSecond bounds what strangers can make us say.
const answersPerSecond = 10

func (l *limiter) allow(now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now.Sub(l.since) >= time.Second {
		l.since, l.n = now, 0
	}
	l.n++
	return l.n <= answersPerSecond
}
