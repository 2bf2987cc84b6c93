package herald

import (
	"bytes"
	"slices"
	"strings"

	"zmicroservices/context/event"
	"zmicroservices/taskservice/hippodamia"
	"zmicroservices/taskservice/lifecycle"
	"zmicroservices/taskservice/message"
)

// Topics are those whose messages Heard wants. One that ends in a dot stands for all
// that begin so.
func (h *Herald) Topics() []string {
	t := h.opts.Topics
	return []string{t.Contact(), t.Individual(""), t.Command(), t.End(), startups, shutdowns}
}

var (
	startups  = lifecycle.Prefix + lifecycle.Startup.String() + "."
	shutdowns = lifecycle.Prefix + lifecycle.Shutdown.String() + "."
)

// Owner finds the task service that a peer is, which says that it is this process; 0: it
// did not say. Zero is nobody's.
type Owner func(pid int) event.Ref

// Heard takes a message of a peer on one of Topics. It never waits; frame is the
// caller's again when it returns.
func (h *Herald) Heard(topic string, frame []byte, owner Owner) {
	t := h.opts.Topics
	switch topic {
	case t.Command():
		h.crew.Hear(bytes.Clone(frame))
		return
	case t.Individual(""):
		h.answered(frame)
		return
	}
	_, payload, err := message.Split(frame)
	if err != nil {
		return
	}
	switch topic {
	case t.Contact():
		h.contacted(payload, owner)
	case t.End():
		if end, err := hippodamia.Parse[hippodamia.End](payload); err == nil {
			h.parted(end.UUID)
		}
	case startups, shutdowns:
		if e, err := lifecycle.NewFromJSON(payload); err == nil {
			h.told(e.Identity(), owner(0), topic == shutdowns)
		}
	}
}

// contacted notes who of our task services has an agent of its own.
func (h *Herald) contacted(payload []byte, owner Owner) {
	r, err := hippodamia.Parse[hippodamia.OnboardingRequest](payload)
	if err != nil {
		return
	}
	ref := owner(r.PID)
	if ref == (event.Ref{}) {
		return
	}
	gid := hippodamia.GID(r)
	c := contact{ref, r, gid, &onboarding{uuid: r.UUID, gid: gid}}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.uuids[r.UUID] != nil {
		return // it asks again
	}
	if gid, ok := h.answers.take(r.UUID); ok {
		c.onboarding.gid = gid
	}
	if t := h.task(ref); t == nil || !t.Present {
		h.keep(c)
		return
	}
	h.catchUp(ref)
	h.board(c)
}

// board takes an agent for that of its task service. mu is held.
func (h *Herald) board(c contact) {
	ref, r, gid := c.ref, c.request, c.gid
	t, l := h.task(ref), h.lives[ref]
	if t == nil {
		return
	}
	fresh := l == nil
	if fresh {
		l = h.newLife(ref, t)
	}
	// A gateway asks for others, whose ends are not its own.
	if (r.Host != h.opts.Host || r.PID != t.PID) && gid != l.gid || fresh && !t.Self {
		return
	}
	h.lives[ref], h.identities[l.identity] = l, l
	if gid == l.gid && !slices.Contains(h.leaving, ref) { // a command that is its own agent needs no other one
		h.leaving = append(h.leaving, ref)
		h.wake()
	}
	at := slices.IndexFunc(l.onboards, func(o *onboarding) bool { return o.gid == gid })
	switch {
	case at >= 0: // onboarded anew
		delete(h.uuids, l.onboards[at].uuid)
		l.onboards = slices.Delete(l.onboards, at, at+1)
	case len(l.onboards) >= maxOnboards:
		return
	}
	l.onboards = append(l.onboards, c.onboarding)
	h.uuids[r.UUID] = c.onboarding
}

// answered takes the watchdog's word to who asked for it.
func (h *Herald) answered(frame []byte) {
	id := strings.TrimPrefix(message.Topic(frame), h.opts.Topics.Individual(""))
	_, payload, err := message.Split(frame)
	if err != nil {
		return
	}
	r, err := hippodamia.Parse[hippodamia.OnboardingResponse](payload)
	if err != nil || r.UUID != id {
		return
	}
	h.mu.Lock()
	o := h.uuids[id]
	if o == nil {
		h.answers.add(id, r.GID)
	} else {
		o.gid = r.GID
	}
	h.mu.Unlock()
	if o == nil {
		h.crew.Hear(bytes.Clone(frame))
	}
}

// parted notes a goodbye.
func (h *Herald) parted(id string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if o := h.uuids[id]; o != nil {
		o.ended = true
	}
}

// told notes a startup or a shutdown that was said by who is known to be that task
// service, or by who is not known to be another one.
func (h *Herald) told(identity string, owner event.Ref, shutdown bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if l := h.identities[identity]; l != nil && (owner == event.Ref{} || owner == l.ref) {
		l.said = shutdown
	}
}
