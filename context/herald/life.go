package herald

import (
	"os"
	"strconv"
	"strings"
	"time"

	"zmicroservices/context/event"
	"zmicroservices/taskservice/agent"
	"zmicroservices/taskservice/hippodamia"
	"zmicroservices/taskservice/lifecycle"
)

// life is one process of a task service, from when it has started until it has ended.
type life struct {
	ref                          event.Ref
	identity, component, version string
	gid                          string // by which the watchdog knows it

	// owned by Run
	self   bool          // it speaks for itself
	up     bool          // its startup was said
	before bool          // it had started under an earlier provider
	agent  *agent.Member // nil: it has none
	due    time.Time     // of its next alive event
	index  int           // in times; -1: it is not there

	provisioned bool // owned by its agent's entered

	// guarded by Herald.mu
	said     bool          // it has said its shutdown itself
	onboards []*onboarding // by agents of its own
}

// maxOnboards bounds the microservices that one process may be the agent of.
const maxOnboards = 16

// onboarding is one of an agent that a task service has itself.
type onboarding struct {
	uuid, gid string // the gid by the rules, until somebody has answered
	ended     bool   // it has said goodbye
}

// life finds that of a process; nil if there is none.
func (h *Herald) life(ref event.Ref) *life {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.lives[ref]
}

func (h *Herald) refs() []event.Ref {
	h.mu.Lock()
	defer h.mu.Unlock()
	refs := make([]event.Ref, 0, len(h.lives))
	for ref := range h.lives {
		refs = append(refs, ref)
	}
	return refs
}

func (h *Herald) newLife(ref event.Ref, t *event.TaskView) *life {
	version, _ := configuration(t)["version"].(string)
	if version == "" {
		version = h.opts.Version
	}
	id := h.opts.ConfigID(ref)
	l := &life{ref: ref, identity: h.opts.Host + "/" + id, component: t.Instance, version: version, self: t.Self, index: -1}
	l.gid = hippodamia.GID(h.request(l, t, id))
	return l
}

// enter begins a life.
func (h *Herald) enter(ref event.Ref, t *event.TaskView) *life {
	l := h.newLife(ref, t)
	h.mu.Lock()
	if known := h.lives[ref]; known != nil { // somebody heard of it meanwhile
		h.mu.Unlock()
		return known
	}
	h.lives[ref], h.identities[l.identity] = l, l
	h.mu.Unlock()
	if !l.self {
		l.due = time.Now().Add(splay(h.opts.Alive))
		h.times.add(l)
	}
	return l
}

// leave ends a life. It gives the onboardings that nobody has said goodbye for, and
// whether the service has said its shutdown. Who has asked is among them, answered or
// not: a watchdog that takes it in at this moment is to know, and an answer is tapped
// only after it was forwarded.
func (h *Herald) leave(l *life) (silent []*onboarding, said bool) {
	h.times.remove(l)
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.lives, l.ref)
	if h.identities[l.identity] == l {
		delete(h.identities, l.identity)
	}
	for _, o := range l.onboards {
		delete(h.uuids, o.uuid)
		if !o.ended {
			silent = append(silent, o)
		}
	}
	return silent, l.said
}

// engage gives those an agent who have none, if somebody listens.
func (h *Herald) engage() {
	if !h.opts.Bus.Wanted(h.opts.Topics.Contact()) {
		return
	}
	for _, ref := range h.refs() {
		if l := h.life(ref); l != nil {
			h.employ(l)
		}
	}
}

// employ gives a process an agent, unless it has one, or nobody would hear it.
func (h *Herald) employ(l *life) {
	if l.self || l.agent != nil || !h.opts.Bus.Wanted(h.opts.Topics.Contact()) {
		return
	}
	t := h.task(l.ref)
	if t == nil || t.PID == 0 {
		return
	}
	process, err := agent.NewProcess(t.PID)
	if err != nil { // its end is on its way
		h.opts.Logger.Debug("process has no agent", "task", l.ref.Task, "transaction", l.ref.Transaction, "err", err)
		return
	}
	r := h.request(l, t, h.opts.ConfigID(l.ref))
	l.agent = h.crew.Add(agent.New(agent.Options{
		Type: r.Type, Name: r.Name, Host: r.Host, ConfigID: r.ConfigID, Version: r.Version, PID: r.PID,
		GID: l.gid, Topics: h.opts.Topics, Ping: h.opts.Ping, Splay: splayOf(h.opts.Ping),
		Info:   func(now time.Time) hippodamia.RuntimeInfo { return h.info(l.ref, process, now) },
		Config: func() map[string]any { return configuration(h.task(l.ref)) },
		Quiet:  func() bool { return stopped(process.PID()) },
	}), func(s agent.State) {
		if s == agent.Active && !l.provisioned {
			l.provisioned = true
			h.say(l, lifecycle.Provisioned)
		}
	})
}

// splayOf is within which agents come back to a watchdog that has called all of them.
func splayOf(ping time.Duration) time.Duration { return min(ping, agent.DefaultSplay) }

// request is who a command is, for the watchdog.
func (h *Herald) request(l *life, t *event.TaskView, configID string) hippodamia.OnboardingRequest {
	return hippodamia.OnboardingRequest{
		Type: t.Instance, Name: t.ServiceName, Host: h.opts.Host, ConfigID: configID, Version: l.version, PID: t.PID,
	}
}

// info is how a process is.
func (h *Herald) info(ref event.Ref, p *agent.Process, now time.Time) hippodamia.RuntimeInfo {
	info, err := p.Read(now)
	if err != nil { // its end is on its way
		info = hippodamia.RuntimeInfo{PID: p.PID()}
	}
	if t := h.task(ref); t != nil {
		info.State = t.State.String()
	}
	return info
}

// configuration is that of a task service, as its file or the command that started it has it.
func configuration(t *event.TaskView) map[string]any {
	if t == nil {
		return map[string]any{}
	}
	o := t.Object
	for _, key := range []string{"Task", "message", "content", "configuration"} {
		o, _ = o[key].(map[string]any)
	}
	if o == nil {
		return map[string]any{}
	}
	return o
}

// stopped says that a process is stopped, by a signal or a debugger: it does nothing, and
// an agent that said otherwise would be no watch (proc_pid_stat(5)).
func stopped(pid int) bool {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return false
	}
	after := string(text[strings.LastIndexByte(string(text), ')')+1:])
	return strings.HasPrefix(after, " T") || strings.HasPrefix(after, " t")
}
