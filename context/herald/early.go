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

// recall is catchUp for who does not hold mu.
func (h *Herald) recall(ref event.Ref) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.early) > 0 {
		h.catchUp(ref)
	}
}
