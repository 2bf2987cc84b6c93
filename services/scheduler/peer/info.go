package peer

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"

	"github.com/google/uuid"
)

// Info is what a scheduler like this one tells of its host (GET /contexts).
type Info struct {
	UUID     uuid.UUID `json:"uuid"`
	Name     string    `json:"name"` // of the host
	Version  string    `json:"version"`
	Contexts []Context `json:"contexts"`
}

// Context is a context of a host and what it runs.
type Context struct {
	ID       string `json:"context_id"`
	File     string `json:"file,omitempty"`
	PID      int    `json:"pid,omitempty"`
	Version  string `json:"version,omitempty"`
	FrontEnd string `json:"front_end_endpoint,omitempty"` // where to subscribe
	BackEnd  string `json:"backend_endpoint,omitempty"`   // where to publish
	HTTP     string `json:"http,omitempty"`               // host:port of its page

	Transactions []Transaction `json:"transactions"`
}

// Transaction is what a context runs.
type Transaction struct {
	ID       string         `json:"id"`
	Services int            `json:"services"`
	States   map[string]int `json:"states,omitempty"` // how many services are in each
}

// Digest is a short word for a set of peers and where they are. Two that know the same
// have the same, whatever the order in which they learned it; zero says nothing.
type Digest [16]byte

// Of is the digest of one peer at one address.
func Of(id uuid.UUID, at Address) Digest {
	sum := sha256.Sum256(append(id[:], at...))
	return Digest(sum[:16])
}

// With adds what is not in a set, and takes away what is.
func (d Digest) With(other Digest) Digest {
	for i := range d {
		d[i] ^= other[i]
	}
	return d
}

// String is the digest in hexadecimal, "" if it says nothing.
func (d Digest) String() string {
	if d == (Digest{}) {
		return ""
	}
	return hex.EncodeToString(d[:])
}

// ParseDigest reads what String wrote.
func ParseDigest(s string) (d Digest, err error) {
	if n, err := hex.Decode(d[:], []byte(s[:min(len(s), 2*len(d))])); err != nil || n != len(d) && s != "" || len(s) > 2*len(d) {
		return Digest{}, errors.New("digest is no 32 hexadecimal digits")
	}
	return d, nil
}
