package zmtp

import (
	"bytes"
	"fmt"
)

// GreetingSize is the size of a greeting in bytes.
const GreetingSize = 64

// VersionPrefix is how much of a greeting decides whether its sender speaks
// ZMTP 3: ten bytes of signature and the major version. A peer of an older
// version sends no more than that before it waits for us.
const VersionPrefix = 11

const mechanismSize = 20

// Greeting is what each side says first (RFC 37, "Version Negotiation").
type Greeting struct {
	Major, Minor byte
	// Mechanism is the name of the security mechanism, at most 20 bytes.
	Mechanism string
	// AsServer is the peer's role for mechanisms that have roles.
	AsServer bool
}

// AtLeast reports whether the greeting's version is major.minor or later.
func (g Greeting) AtLeast(major, minor byte) bool {
	return g.Major > major || g.Major == major && g.Minor >= minor
}

// AppendGreeting appends the 64 bytes of g. A longer mechanism name is cut.
func AppendGreeting(dst []byte, g Greeting) []byte {
	var b [GreetingSize]byte
	b[0], b[9] = 0xff, 0x7f
	b[10], b[11] = g.Major, g.Minor
	copy(b[12:12+mechanismSize], g.Mechanism)
	if g.AsServer {
		b[32] = 1
	}
	return append(dst, b[:]...)
}

// CheckVersion judges the beginning of a greeting, however short: it returns
// [ErrVersion] or [ErrMalformed] as soon as the bytes cannot become a greeting
// of ZMTP 3 or later, and nil while they can.
func CheckVersion(b []byte) error {
	if len(b) > 0 && b[0] != 0xff {
		// ZMTP 1.0 starts with the length of an identity frame.
		return fmt.Errorf("parse greeting: first byte 0x%02x, not 0xff: %w", b[0], ErrMalformed)
	}
	if len(b) > 9 && b[9] != 0x7f {
		// The eight bytes between are padding: RFC 23 lets a peer put anything there.
		if b[9]&1 == 0 {
			return fmt.Errorf("parse greeting: peer speaks ZMTP 1.0, 3.0 or later is needed: %w", ErrVersion)
		}
		return fmt.Errorf("parse greeting: tenth byte 0x%02x, not 0x7f: %w", b[9], ErrMalformed)
	}
	if len(b) > 10 && b[10] < 3 {
		// Revisions 0 and 1 are ZMTP 1.0 and 2.0 (RFC 15).
		return fmt.Errorf("parse greeting: peer speaks ZMTP %d.x, 3.0 or later is needed: %w", max(b[10], 1), ErrVersion)
	}
	return nil
}

// ParseGreeting parses the first 64 bytes of b. With fewer it returns
// [ErrShort], or sooner what [CheckVersion] has against them.
func ParseGreeting(b []byte) (Greeting, error) {
	if err := CheckVersion(b); err != nil {
		return Greeting{}, err
	}
	if len(b) < GreetingSize {
		return Greeting{}, fmt.Errorf("parse greeting: %d of %d bytes: %w", len(b), GreetingSize, ErrShort)
	}
	name, filler, _ := bytes.Cut(b[12:12+mechanismSize], []byte{0})
	if len(name) == 0 || !isMechanismName(name) || len(bytes.Trim(filler, "\x00")) != 0 {
		return Greeting{}, fmt.Errorf("parse greeting: mechanism %q: %w", b[12:12+mechanismSize], ErrMalformed)
	}
	// The 31 bytes of filler are the next version's room: they are not looked at.
	return Greeting{Major: b[10], Minor: b[11], Mechanism: string(name), AsServer: b[32]&1 == 1}, nil
}

// isMechanismName reports whether name is made of RFC 37's mechanism-char.
func isMechanismName(name []byte) bool {
	for _, c := range name {
		switch {
		case c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_', c == '.', c == '+':
		default:
			return false
		}
	}
	return true
}
