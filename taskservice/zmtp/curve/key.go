package curve

import (
	"crypto/rand"
	"crypto/subtle"
	"fmt"
	"log/slog"

	"golang.org/x/crypto/curve25519"
	"golang.org/x/crypto/nacl/box"
)

// Key is a public key. It is comparable, and names its owner.
type Key [32]byte

// ParseKey reads the 40 characters of Z85 (RFC 32) that libzmq's tools write.
func ParseKey(text string) (Key, error) { return parseZ85(text) }

// String is the key as text in Z85.
func (k Key) String() string { return string(appendZ85(nil, (*[32]byte)(&k))) }

// IsZero says that there is no key.
func (k Key) IsZero() bool { return k == Key{} }

// IsWeak says that anybody can pass for the owner of the key: it is of small order,
// and what it shares with any other key is zero (RFC 7748, section 6.1).
func (k Key) IsWeak() bool {
	_, err := curve25519.X25519(curve25519.Basepoint, k[:]) // any scalar shows it
	return err != nil
}

// Secret is a secret key. It does not show itself in a log or by fmt.
type Secret [32]byte

// ParseSecret is ParseKey for a secret key.
func ParseSecret(text string) (Secret, error) { return parseZ85(text) }

// Text is the secret as text in Z85, for the file it is kept in.
func (s Secret) Text() string { return string(appendZ85(nil, (*[32]byte)(&s))) }

// String shows that there is a secret, and not which.
func (s Secret) String() string { return "secret" }

// GoString is String, for %#v.
func (s Secret) GoString() string { return s.String() }

// Format is String for every verb: %x of an array would show its bytes.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(s.String())) }

// LogValue is String, for log/slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// IsZero says that there is no secret.
func (s Secret) IsZero() bool { return subtle.ConstantTimeCompare(s[:], make([]byte, len(s))) == 1 }

// Public computes the key that belongs to the secret.
func (s Secret) Public() (Key, error) {
	public, err := curve25519.X25519(s[:], curve25519.Basepoint)
	if err != nil {
		return Key{}, fmt.Errorf("compute public key: %w", err)
	}
	return Key(public), nil
}

// Pair is a key and its secret.
type Pair struct {
	Public Key
	Secret Secret
}

// NewPair makes a pair by the system's random numbers.
func NewPair() (Pair, error) {
	public, secret, err := box.GenerateKey(rand.Reader)
	if err != nil {
		return Pair{}, fmt.Errorf("make key pair: %w", err)
	}
	return Pair{Key(*public), Secret(*secret)}, nil
}

// Credentials are what a client needs: its own pair, and the key of the server
// that it means to talk to.
type Credentials struct {
	Pair
	Server Key
}

// shared is the key that two sides have in common: one's secret and the other's
// public key make it, either way round.
type shared [32]byte

func share(public Key, secret Secret) *shared {
	var s shared
	box.Precompute((*[32]byte)(&s), (*[32]byte)(&public), (*[32]byte)(&secret))
	return &s
}
