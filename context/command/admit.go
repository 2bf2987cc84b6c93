package command

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"zmicroservices/context/event"
	"zmicroservices/taskservice/keys"
	"zmicroservices/taskservice/message"
)

// Admit says whether a peer is heard on a guarded topic: who has a key as its role
// says; of the others, on the topics that command, our own uid and root, as the
// kernel names them. Who asks and is not heard is told why on the bus, a few times
// a second at most.
func (h *Handler) Admit(p Peer, topic string, frame []byte) error {
	var err error
	switch {
	case p.Key != "":
		err = h.permitted(p, topic, frame)
	case IsCommanding(topic):
		err = h.trusted(p)
	}
	if err == nil || !IsCommanding(topic) {
		return err
	}
	_, payload, split := message.Split(frame)
	if split != nil {
		return err
	}
	// What can be read of its header is enough to answer it.
	header := headerOf(topic, payload)
	if asks(topic, header.Action) && h.denied.allow(time.Now()) {
		h.refuse(header, event.TransactionID(header.Transaction), err.Error())
	}
	return err
}

// headerOf reads as much of a message's header as there is.
func headerOf(topic string, payload []byte) message.Header {
	switch topic {
	case message.TopicContext:
		c, _ := message.ParseCommand(payload)
		return c.Header
	case message.TopicProcess:
		m, _ := message.ParseProcess(payload)
		return m.Header
	default:
		q, _ := message.ParseState(payload)
		return q.Header
	}
}

// asks says whether a message of that topic and action waits for an answer. What
// is not understood on context is a command that went wrong.
func asks(topic, action string) bool {
	switch topic {
	case message.TopicContext:
		return action != message.ActionMonitor
	case message.TopicProcess:
		return action == "start" || action == "stop" || action == "restart"
	default:
		return action != "" && !strings.HasPrefix(action, "reply_")
	}
}

// heeded is the rule of whose words about a task service count.
func (h *Handler) heeded(p Peer, id string) error {
	if p.Key == "" || p.Role == keys.Operate.String() {
		return h.trusted(p)
	}
	return h.ownWord(p, id)
}

// trusted is the rule of who may command.
func (h *Handler) trusted(p Peer) error {
	own := os.Getuid()
	switch {
	case p.Self:
		return nil
	case p.Key != "":
		if p.Role == keys.Operate.String() {
			return nil
		}
		return fmt.Errorf("%s has the role %s and may not command this context", p.Name, p.Role)
	case p.UID == 0, p.UID == own:
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

// isUserOf says that a peer is whom a task service runs as by its <user>. It may say
// on control how that service is, and nothing else. The kernel's word is of this
// machine alone.
func (h *Handler) isUserOf(p Peer, task *event.TaskView) bool {
	if task == nil || task.User == "" || p.UID < 0 || p.Key != "" || h.opts.UIDOf == nil {
		return false
	}
	uid, known := h.opts.UIDOf(task.User)
	return known && uid == p.UID
}

// limiter lets through a few a second.
type limiter struct {
	mu    sync.Mutex // guards all below
	since time.Time
	n     int
}

// fewPerSecond bounds what strangers can make us say, and write into the log.
const fewPerSecond = 10

func (l *limiter) allow(now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now.Sub(l.since) >= time.Second {
		l.since, l.n = now, 0
	}
	l.n++
	return l.n <= fewPerSecond
}
