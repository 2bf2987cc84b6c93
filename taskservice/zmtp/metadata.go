package zmtp

import (
	"encoding/binary"
	"fmt"
	"strings"
)

// Names of metadata properties. They are compared without regard to case.
const (
	SocketTypeProperty = "Socket-Type"
	IdentityProperty   = "Identity"
)

// MaxProperties is how many metadata properties a peer may send. libzmq sends
// two, and one more for each that its application sets.
const MaxProperties = 64

// Property is one name and value of a READY command's metadata.
type Property struct {
	Name  string
	Value []byte // a slice of what was parsed
}

// Metadata is what a READY command carries, in the peer's order.
type Metadata []Property

// Get returns the value of the property of that name.
func (m Metadata) Get(name string) (value []byte, ok bool) {
	for _, p := range m {
		if strings.EqualFold(p.Name, name) {
			return p.Value, true
		}
	}
	return nil, false
}

// ParseMetadata parses a READY command's data:
// *(1 byte n, n bytes name, 4 bytes m, m bytes value).
// A name that comes twice is refused: the two halves of a system must not pick
// different ones.
func ParseMetadata(data []byte) (Metadata, error) {
	var m Metadata
	for len(data) > 0 {
		n := int(data[0])
		if n == 0 {
			return nil, fmt.Errorf("parse metadata: property %d has no name: %w", len(m), ErrMalformed)
		}
		if len(data) < 1+n+4 {
			return nil, fmt.Errorf("parse metadata: property %d is truncated: %w", len(m), ErrMalformed)
		}
		name, rest := string(data[1:1+n]), data[1+n:]
		size := binary.BigEndian.Uint32(rest)
		rest = rest[4:]
		// Compared as 64 bits: a size of 2^32-1 must not wrap on any machine.
		if uint64(size) > uint64(len(rest)) {
			return nil, fmt.Errorf("parse metadata: %q: %d of %d bytes: %w", name, len(rest), size, ErrMalformed)
		}
		if _, twice := m.Get(name); twice {
			return nil, fmt.Errorf("parse metadata: %q comes twice: %w", name, ErrMalformed)
		}
		if len(m) == MaxProperties {
			return nil, fmt.Errorf("parse metadata: more than %d properties: %w", MaxProperties, ErrTooLong)
		}
		m = append(m, Property{Name: name, Value: rest[:size:size]})
		data = rest[size:]
	}
	return m, nil
}

// AppendMetadata appends properties as a READY command carries them.
func AppendMetadata(dst []byte, m Metadata) []byte {
	for _, p := range m {
		dst = append(dst, byte(len(p.Name)))
		dst = append(dst, p.Name...)
		dst = binary.BigEndian.AppendUint32(dst, uint32(len(p.Value)))
		dst = append(dst, p.Value...)
	}
	return dst
}
