package herald

import (
	"time"

	"zmicroservices/context/event"
	"zmicroservices/taskservice/agent"
	"zmicroservices/taskservice/lifecycle"
)

// late is a command that had started under an earlier provider, and ended before an
// agent of this one was onboarded. Its agent went with that provider, and its uuid, so
// that nobody can say goodbye for it but an agent that is onboarded in its name for that.
type late struct {
	*life
	reason string
	due    time.Time // when nobody has answered
}

// latest is how long a watchdog may take to be back on the bus and answer.
const latest = 15 * time.Second

// obituary begins the end of such a one.
func (h *Herald) obituary(l *life, t *event.TaskView, reason string) {
	x := &late{life: l, reason: reason, due: time.Now().Add(latest)}
	r := h.request(l, t, h.opts.ConfigID(l.ref))
	h.late[x] = true
	x.agent = h.crew.Add(agent.New(agent.Options{
		Type: r.Type, Name: r.Name, Host: r.Host, ConfigID: r.ConfigID, Version: r.Version, PID: r.PID,
		GID: x.gid, Topics: h.opts.Topics, Ping: h.opts.Ping,
		Quiet: func() bool { return true },
	}), func(s agent.State) {
		if s == agent.Active {
			h.mu.Lock()
			h.known = append(h.known, x)
			h.mu.Unlock()
			h.wake()
		}
	})
}

// succeed ends what is under way in the name of those before: the watchdog hears of the
// next process, and a goodbye would be taken for its.
func (h *Herald) succeed(l *life) {
	for x := range h.late {
		if x.identity == l.identity {
			delete(h.late, x)
			x.agent.Leave()
			h.say(x.life, lifecycle.Shutdown)
		}
	}
}

// bury says the last words about such a one, as far as somebody listens.
func (h *Herald) bury(x *late) {
	if !h.late[x] {
		return
	}
	delete(h.late, x)
	x.agent.End(x.reason) // says nothing if it was not onboarded
	h.say(x.life, lifecycle.Shutdown)
}
