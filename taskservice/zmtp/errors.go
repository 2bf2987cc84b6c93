package zmtp

import (
	"errors"
	"fmt"
	"io"
)

// What a caller may branch on. The errors that are returned wrap one of these
// and say what was seen.
var (
	// ErrShort means that more bytes are needed; nothing is wrong yet.
	ErrShort = errors.New("more bytes needed")
	// ErrMalformed means that the peer broke the grammar of RFC 23 or 37.
	ErrMalformed = errors.New("malformed")
	// ErrVersion means that the peer speaks a ZMTP before 3.0.
	ErrVersion = errors.New("version not supported")
	// ErrMechanism means that the peer asked for a mechanism not offered here.
	ErrMechanism = errors.New("mechanism not offered")
	// ErrSocketType means that the peer's socket may not talk to this one.
	ErrSocketType = errors.New("socket type not accepted")
	// ErrTooLong means that a frame or command exceeds its limit.
	ErrTooLong = errors.New("limit exceeded")
	// ErrPeer means that the peer itself refused, by an ERROR command.
	ErrPeer = errors.New("refused by the peer")
	// ErrSilent: the connection ended before its first byte, as that of somebody who
	// only wants to know whether there is a listener.
	ErrSilent = fmt.Errorf("nothing was said: %w", io.ErrUnexpectedEOF)
)
