package engine

import (
	"time"

	"github.com/google/uuid"

	"zmicroservices/services/scheduler/peer"
)

// Availability is whether a peer could be reached.
type Availability string

// The values.
const (
	Unknown     Availability = "unknown"     // not tried yet at this address
	Available   Availability = "available"   // it answered, or called us
	Unavailable Availability = "unavailable" // it did not answer when it was called last
)

// Known is what is known of a peer, as a copy.
type Known struct {
	UUID         uuid.UUID    `json:"uuid,omitzero"` // zero: a first peer that has not told it
	IP           peer.Address `json:"ip"`
	Name         string       `json:"name,omitempty"` // of its host
	LastSeen     time.Time    `json:"last_seen,omitzero"`
	Availability Availability `json:"availability"`
	Since        time.Time    `json:"since,omitzero"`   // that it is available, or is not
	Reason       string       `json:"reason,omitempty"` // that it is not available
	Version      string       `json:"version,omitempty"`

	Contexts []peer.Context `json:"contexts,omitempty"`
}

// entry is a peer in the table.
type entry struct {
	peer.Peer
	state  Availability
	since  time.Time
	reason string
	info   *peer.Info // never changed, only replaced
	// answered is when it ever did, to us or to the one who was us before.
	answered bool
	// unsaved is when the registry has not taken this yet.
	unsaved bool
}

func (n *entry) known() Known {
	k := Known{
		UUID: n.UUID, IP: n.IP, LastSeen: n.LastSeen, Availability: n.state, Since: n.since, Reason: n.reason,
	}
	if n.info != nil {
		k.Name, k.Version, k.Contexts = n.info.Name, n.info.Version, n.info.Contexts
	}
	return k
}
