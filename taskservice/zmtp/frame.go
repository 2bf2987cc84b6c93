package zmtp

import (
	"encoding/binary"
	"fmt"
	"math"
)

// Flags is the first byte of a frame (RFC 37, "Framing").
type Flags byte

// The bits of [Flags]; all others are reserved and must be zero.
const (
	More    Flags = 1 << iota // another frame of this message follows
	Long                      // the size has eight bytes, not one
	Command                   // a command, not a part of a message
)

// MaxHeader is the size of the longest frame header in bytes.
const MaxHeader = 9

// Header is what precedes a frame's body.
type Header struct {
	Flags Flags
	// Size is the body's size in bytes. It is what the peer announced, up to
	// 2^63-1: compare it with a limit before anything is allocated by it.
	Size int64
	// Len is the size of the header itself: 2 or 9 bytes.
	Len int
}

// More reports whether another frame of the same message follows.
func (h Header) More() bool { return h.Flags&More != 0 }

// Command reports whether the frame is a command.
func (h Header) Command() bool { return h.Flags&Command != 0 }

// Total is the size of header and body. It saturates instead of overflowing.
func (h Header) Total() int64 {
	if h.Size > math.MaxInt64-MaxHeader {
		return math.MaxInt64
	}
	return h.Size + int64(h.Len)
}

// ParseHeader parses the frame header at the beginning of b. It returns
// [ErrShort] while b may become one, and [ErrMalformed] when it cannot:
// reserved flags, a command with More, a size of 2^63 or above. A size below
// 256 in the long form is accepted, as libzmq does.
//
// The sentinel errors are returned bare: this is called once a frame.
func ParseHeader(b []byte) (Header, error) {
	if len(b) < 2 {
		if len(b) == 1 && !validFlags(Flags(b[0])) {
			return Header{}, ErrMalformed
		}
		return Header{}, ErrShort
	}
	flags := Flags(b[0])
	if !validFlags(flags) {
		return Header{}, ErrMalformed
	}
	if flags&Long == 0 {
		return Header{Flags: flags, Size: int64(b[1]), Len: 2}, nil
	}
	if b[1] >= 0x80 {
		return Header{}, ErrMalformed // known before the other seven bytes are here
	}
	if len(b) < MaxHeader {
		return Header{}, ErrShort
	}
	return Header{Flags: flags, Size: int64(binary.BigEndian.Uint64(b[1:])), Len: MaxHeader}, nil
}

// validFlags: no reserved bit, and commands are never parts of a message.
func validFlags(f Flags) bool {
	return f&^(More|Long|Command) == 0 && f&(More|Command) != More|Command
}

// AppendHeader appends the header of a frame with a body of size bytes; Long is
// set as the size needs it.
func AppendHeader(dst []byte, flags Flags, size int) []byte {
	if size > math.MaxUint8 {
		dst = append(dst, byte(flags|Long))
		return binary.BigEndian.AppendUint64(dst, uint64(size))
	}
	return append(dst, byte(flags&^Long), byte(size))
}

// AppendFrame appends a whole frame.
func AppendFrame(dst []byte, flags Flags, body []byte) []byte {
	return append(AppendHeader(dst, flags, len(body)), body...)
}

// SplitFrame takes the first frame off b. It is for callers that have whole
// frames at hand; limits are the caller's.
func SplitFrame(b []byte) (h Header, body, rest []byte, err error) {
	h, err = ParseHeader(b)
	if err != nil {
		return h, nil, b, fmt.Errorf("parse frame: %w", err)
	}
	if int64(len(b)) < h.Total() {
		return h, nil, b, fmt.Errorf("parse frame: %d of %d bytes: %w", len(b), h.Total(), ErrShort)
	}
	return h, b[h.Len:h.Total()], b[h.Total():], nil
}
