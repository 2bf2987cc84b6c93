package curve

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"

	"zmicroservices/taskservice/zmtp"
)

// messageCommand begins the body of every frame after the handshake.
const messageCommand = "\x07MESSAGE"

// Overhead is by how much the body of a sealed frame is longer than what is
// sealed in it: name, nonce, tag, flags.
const Overhead = len(messageCommand) + 8 + tagSize + 1

// The flags inside of a MESSAGE, as libzmq has them; RFC 26 has the first alone.
const (
	moreFlag    = 1
	commandFlag = 2
)

// Session seals what goes out and opens what comes in once a handshake is done.
// One goroutine may seal while another opens.
type Session struct {
	out     *stream
	sent    uint64 // the last nonce
	in      *stream
	greeted uint64 // the peer's last nonce
}

// SealedSize is the size of the frame that Seal makes of a body of n bytes.
func SealedSize(n int) int {
	n += Overhead
	if n > 255 {
		return n + zmtp.MaxHeader
	}
	return n + 2
}

// Seal appends one whole ZMTP frame: a MESSAGE with body sealed in it, and
// whether it is a command (body has its name and data) or more frames of the
// same message follow. dst and body do not overlap. It allocates only if dst is
// too short.
//
// There are 2^64 nonces, one a frame: at a thousand million a second they last
// for 584 years, so that running out of them is not looked for.
func (s *Session) Seal(dst []byte, more, command bool, body []byte) []byte {
	var flags byte
	if more {
		flags |= moreFlag
	}
	if command {
		flags |= commandFlag
	}
	dst = zmtp.AppendHeader(dst, 0, Overhead+len(body))
	dst = append(dst, messageCommand...)
	s.sent++
	dst = binary.BigEndian.AppendUint64(dst, s.sent)
	start, size := len(dst), tagSize+1+len(body)
	dst = slices.Grow(dst, size)[:start+size]
	s.out.seal(dst[start:], s.sent, flags, body)
	return dst
}

// Open opens the body of a frame in place: plain is a slice of it, and Overhead
// shorter. It allocates nothing. After an error the connection is to be closed:
// the error wraps zmtp.ErrMalformed, ErrNonce or ErrBox, and body is as it was.
func (s *Session) Open(body []byte) (more, command bool, plain []byte, err error) {
	if len(body) < Overhead || !bytes.HasPrefix(body, []byte(messageCommand)) {
		return false, false, nil, fmt.Errorf("open frame of %d bytes: no MESSAGE: %w", len(body), zmtp.ErrMalformed)
	}
	nonce := binary.BigEndian.Uint64(body[len(messageCommand):])
	if nonce <= s.greeted {
		return false, false, nil, fmt.Errorf("open frame: nonce %d after %d: %w", nonce, s.greeted, ErrNonce)
	}
	text, ok := s.in.open(body[len(messageCommand)+8:], nonce)
	if !ok {
		return false, false, nil, fmt.Errorf("open frame of %d bytes: %w", len(body), ErrBox)
	}
	s.greeted = nonce // only now: who cannot seal cannot move it
	flags := text[0]
	more, command = flags&moreFlag != 0, flags&commandFlag != 0
	if flags&^(moreFlag|commandFlag) != 0 || more && command {
		return false, false, nil, fmt.Errorf("open frame: flags 0x%02x: %w", flags, zmtp.ErrMalformed)
	}
	return more, command, text[1:], nil
}
