package peer

import (
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// Peer is a consumer or a producer, as it is told and kept.
type Peer struct {
	UUID     uuid.UUID `json:"uuid"`
	IP       Address   `json:"ip"`
	LastSeen time.Time `json:"last_seen"`
}

// Kind tells the two sorts of peers apart.
type Kind string

// The kinds.
const (
	Consumer Kind = "consumer" // synchronises with us, and we with it
	Producer Kind = "producer" // is told at once when our address changes
)

// Newer says whether what is said of a peer replaces what is known of it: the later
// sight of it wins, and of two at one time the one that is known.
func Newer(said, known Peer) bool { return said.LastSeen.After(known.LastSeen) }

// Call is the body of POST /sync and POST /ip.
type Call struct {
	UUID uuid.UUID `json:"uuid"`
	IP   Address   `json:"ip,omitempty"` // "": the address that the call comes from

	Known Digest `json:"-"` // what the caller knows: who knows the same need not list it
}

// Answer is what POST /sync is answered with. All of it may be missing: a peer of
// another make is reached if it says 200, whatever else it says.
type Answer struct {
	UUID      uuid.UUID
	IP        Address
	Consumers []Peer
	Known     Digest // what the one who answers knows, itself included
	Ours      bool   // it is a scheduler like this one, and may be asked more
}

// ParseUUID reads an identifier in its usual form of 36 characters, of which there is one
// spelling (RFC 9562, 4).
func ParseUUID(s string) (uuid.UUID, error) {
	id, err := uuid.Parse(s)
	switch {
	case err != nil || len(s) != 36:
		return uuid.Nil, fmt.Errorf("uuid %.64q is none: wanted is 8-4-4-4-12 hexadecimal digits", s)
	case id == uuid.Nil:
		return uuid.Nil, errors.New("uuid is the one of zeros, which is nobody's")
	}
	return id, nil
}
