package zmtp

import (
	"encoding/binary"
	"fmt"
	"time"
)

// The names of the commands of RFC 23 and 37 with the NULL mechanism.
const (
	ReadyCommand     = "READY"
	ErrorCommand     = "ERROR"
	SubscribeCommand = "SUBSCRIBE"
	CancelCommand    = "CANCEL"
	PingCommand      = "PING"
	PongCommand      = "PONG"
)

// MaxPingContext is the longest context of a PING that is echoed (RFC 37).
const MaxPingContext = 16

// ParseCommand splits the body of a command frame into its name and data, which
// are slices of body. The name is made of printable ASCII and not empty.
func ParseCommand(body []byte) (name, data []byte, err error) {
	if len(body) == 0 || body[0] == 0 {
		return nil, nil, fmt.Errorf("parse command: no name: %w", ErrMalformed)
	}
	n := int(body[0])
	if len(body) < 1+n {
		return nil, nil, fmt.Errorf("parse command: %d of %d bytes of name: %w", len(body)-1, n, ErrMalformed)
	}
	name, data = body[1:1+n], body[1+n:]
	for _, c := range name {
		if c <= ' ' || c > '~' {
			return nil, nil, fmt.Errorf("parse command: name %q: %w", name, ErrMalformed)
		}
	}
	return name, data, nil
}

// AppendCommand appends a whole command frame. The name is one of the constants
// or at most 255 bytes long.
func AppendCommand(dst []byte, name string, data []byte) []byte {
	dst = AppendHeader(dst, Command, 1+len(name)+len(data))
	dst = append(dst, byte(len(name)))
	dst = append(dst, name...)
	return append(dst, data...)
}

// AppendError appends an ERROR command with a reason, cut at 255 bytes.
func AppendError(dst []byte, reason string) []byte {
	reason = reason[:min(len(reason), 255)]
	return AppendCommand(dst, ErrorCommand, append([]byte{byte(len(reason))}, reason...))
}

// ParseError returns the reason of an ERROR command's data.
func ParseError(data []byte) (reason string, err error) {
	if len(data) == 0 || len(data) < 1+int(data[0]) {
		return "", fmt.Errorf("parse ERROR: truncated: %w", ErrMalformed)
	}
	return string(data[1 : 1+int(data[0])]), nil
}

// ParsePing parses the data of a PING: within which time the sender wants to
// hear from us no less than we from it (0: it does not say; steps of 0.1 s) and
// the context that the PONG echoes, a slice of data.
func ParsePing(data []byte) (ttl time.Duration, context []byte, err error) {
	if len(data) < 2 {
		return 0, nil, fmt.Errorf("parse PING: %d of 2 bytes of TTL: %w", len(data), ErrMalformed)
	}
	if len(data) > 2+MaxPingContext {
		return 0, nil, fmt.Errorf("parse PING: context of %d bytes: %w", len(data)-2, ErrTooLong)
	}
	return time.Duration(binary.BigEndian.Uint16(data)) * 100 * time.Millisecond, data[2:], nil
}

// AppendPing appends a PING command; the TTL is rounded down to 0.1 s.
func AppendPing(dst []byte, ttl time.Duration, context []byte) []byte {
	tenths := min(ttl/(100*time.Millisecond), 0xffff)
	data := binary.BigEndian.AppendUint16(make([]byte, 0, 2+MaxPingContext), uint16(tenths))
	return AppendCommand(dst, PingCommand, append(data, context...))
}

// AppendPong appends the PONG command that answers a PING's context.
func AppendPong(dst, context []byte) []byte {
	return AppendCommand(dst, PongCommand, context)
}
