package curve

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/crypto/nacl/box"

	"zmicroservices/taskservice/zmtp"
)

// Name is the mechanism's name in a greeting.
const Name = "CURVE"

// The commands of the handshake, and their data in bytes without the name.
const (
	helloCommand    = "HELLO"
	welcomeCommand  = "WELCOME"
	initiateCommand = "INITIATE"

	helloSize    = 2 + 72 + 32 + 8 + 64 + box.Overhead // version, padding, C', nonce, box of zeros
	cookieSize   = 16 + 64 + box.Overhead              // nonce, box of C' and s'
	welcomeSize  = 16 + 32 + cookieSize + box.Overhead // nonce, box of S' and cookie
	vouchSize    = 16 + 64 + box.Overhead              // nonce, box of C' and S
	minInitiate  = cookieSize + 8 + 32 + vouchSize + box.Overhead
	minReady     = 8 + box.Overhead
	signedLength = 64 // zeros that a HELLO signs
)

// The beginnings of nonces: 16 bytes before a number, 8 before random bytes.
const (
	helloNonce    = "CurveZMQHELLO---"
	initiateNonce = "CurveZMQINITIATE"
	readyNonce    = "CurveZMQREADY---"
	clientNonce   = "CurveZMQMESSAGEC"
	serverNonce   = "CurveZMQMESSAGES"
	welcomeNonce  = "WELCOME-"
	cookieNonce   = "COOKIE--"
	vouchNonce    = "VOUCH---"
)

// shortNonce is a prefix of 16 bytes and a number.
func shortNonce(prefix string, n uint64) *[24]byte {
	var nonce [24]byte
	copy(nonce[:], prefix)
	binary.BigEndian.PutUint64(nonce[16:], n)
	return &nonce
}

// longNonce is a prefix of 8 bytes and 16 that came with the box.
func longNonce(prefix string, b []byte) *[24]byte {
	var nonce [24]byte
	copy(nonce[:], prefix)
	copy(nonce[8:], b[:16])
	return &nonce
}

// randomNonce is longNonce with fresh random bytes.
func randomNonce(prefix string) *[24]byte {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the program instead
	return longNonce(prefix, b[:])
}

func (s *shared) seal(dst []byte, nonce *[24]byte, text []byte) []byte {
	return box.SealAfterPrecomputation(dst, text, nonce, (*[32]byte)(s))
}

func (s *shared) open(nonce *[24]byte, sealed []byte) ([]byte, error) {
	text, ok := box.OpenAfterPrecomputation(nil, sealed, nonce, (*[32]byte)(s))
	if !ok {
		return nil, ErrBox
	}
	return text, nil
}

// over is the state in which no command is expected: none has an empty name.
const over = ""

// order is what a handshake's state says of a command that comes too early, too
// late, or not of the size that it has.
func order(state, name string, data []byte, size int, exact bool) error {
	switch {
	case state != name:
		return fmt.Errorf("%.32q instead of %s: %w", name, state, zmtp.ErrMalformed)
	case exact && len(data) != size, len(data) < size:
		return fmt.Errorf("%s of %d bytes: %w", name, len(data), zmtp.ErrMalformed)
	}
	return nil
}

// refusal is the peer's ERROR as an error.
func refusal(data []byte) error {
	reason, err := zmtp.ParseError(data)
	if err != nil {
		return err
	}
	if reason == denied {
		return errors.Join(fmt.Errorf("%q: the server does not let this key in: %w", reason, zmtp.ErrPeer), ErrDenied)
	}
	return fmt.Errorf("%q: %w", reason, zmtp.ErrPeer)
}

// denied is ZAP's status (RFC 27) for who is not let in. libzmq's clients tell
// by it that their key was refused.
const denied = "400"
