package herald

import (
	"slices"

	"zmicroservices/context/event"
	"zmicroservices/taskservice/hippodamia"
)

// contact is an agent's request to be onboarded, and what came of it.
type contact struct {
	ref        event.Ref
	request    hippodamia.OnboardingRequest
	gid        string // by the rules
	onboarding *onboarding
}

// maxEarly bounds the contacts of processes that no View shows yet.
const maxEarly = 1024

// keep keeps the contact of a process that the View does not show yet: on a busy machine
// an agent is quicker than the keeper's word that its process has begun, and it asks but
// once if it is answered. Of too many the oldest goes. mu is held.
func (h *Herald) keep(c contact) {
	h.early = slices.DeleteFunc(h.early, func(known contact) bool {
		return known.ref == c.ref && known.gid == c.gid && h.forget(known)
	})
	if len(h.early) >= maxEarly {
		h.forget(h.early[0])
		h.early = slices.Delete(h.early, 0, 1)
	}
	h.early = append(h.early, c)
	h.uuids[c.request.UUID] = c.onboarding // its answer may come before the View, too
}

// forget drops what an answer would be noted in. It is always true.
func (h *Herald) forget(c contact) bool {
	if h.uuids[c.request.UUID] == c.onboarding {
		delete(h.uuids, c.request.UUID)
	}
	return true
}

// catchUp takes in the contacts of a process that is known by now. mu is held.
func (h *Herald) catchUp(ref event.Ref) {
	h.early = slices.DeleteFunc(h.early, func(c contact) bool {
		if c.ref != ref {
			return false
		}
		h.forget(c)
		h.board(c)
		return true
	})
}

// answers are the latest onboarding responses to nobody who is known to have asked. A
// message is forwarded before it is tapped, and each connection is a goroutine of its
// own: on a busy machine the answer is tapped before the question. Most of them are to
// the agents of commands, and never asked for here.
type answers struct {
	gids map[string]string // by uuid
	last []string          // uuids, oldest first
}

func (a *answers) add(uuid, gid string) {
	if a.gids == nil {
		a.gids = map[string]string{}
	}
	if _, known := a.gids[uuid]; !known {
		if len(a.last) >= maxEarly {
			for _, old := range a.last[:maxEarly/4] {
				delete(a.gids, old)
			}
			a.last = slices.Delete(a.last, 0, maxEarly/4)
		}
		a.last = append(a.last, uuid)
	}
	a.gids[uuid] = gid
}

// take gives the answer to a uuid, once.
func (a *answers) take(uuid string) (gid string, ok bool) {
	gid, ok = a.gids[uuid]
	if ok {
		delete(a.gids, uuid)
		a.last = slices.DeleteFunc(a.last, func(s string) bool { return s == uuid })
	}
	return gid, ok
}

// recall is catchUp for who does not hold mu.
func (h *Herald) recall(ref event.Ref) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.early) > 0 {
		h.catchUp(ref)
	}
}
