package bus

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
)

// The parts of ZMTP 3.1 (RFC 37) that guard reads and writes by itself.
const (
	greetingSize = 64
	flagMore     = 1
	flagLong     = 2
	flagCommand  = 4
	flagsKnown   = flagMore | flagLong | flagCommand

	// maxCommand bounds a command's body. The longest in use is READY with
	// its metadata, and a subscription to a topic.
	maxCommand = 64 << 10
)

// refusedError is a peer that will not or must not be talked to, however often
// it is dialled: the wrong port, the wrong protocol, the wrong mechanism.
type refusedError struct{ reason string }

func (e *refusedError) Error() string { return e.reason }

func refuse(format string, a ...any) error {
	return &refusedError{fmt.Sprintf(format, a...)}
}

// checkGreeting reads signature, version, mechanism (RFC 37, "Greeting").
func checkGreeting(g []byte) (minor byte, err error) {
	if major := g[10]; major < 3 {
		return 0, refuse("peer speaks ZMTP %d, needed is 3", major)
	}
	if mechanism := bytes.TrimRight(g[12:32], "\x00"); string(mechanism) != "NULL" {
		return 0, refuse("peer wants mechanism %q, offered is NULL", mechanism)
	}
	if g[10] > 3 {
		return 1, nil // it has to come down to ours
	}
	return g[11], nil
}

// readSocketType finds Socket-Type in the metadata of a READY command. The
// names of properties are case-insensitive.
func readSocketType(metadata []byte) (string, error) {
	var found string
	for len(metadata) > 0 {
		n := int(metadata[0])
		if len(metadata) < 1+n+4 {
			return "", refuse("peer sent torn metadata")
		}
		name := metadata[1 : 1+n]
		metadata = metadata[1+n:]
		size := binary.BigEndian.Uint32(metadata)
		metadata = metadata[4:]
		if uint64(size) > uint64(len(metadata)) {
			return "", refuse("peer sent torn metadata")
		}
		if bytes.EqualFold(name, []byte("Socket-Type")) {
			found = string(metadata[:size])
		}
		metadata = metadata[size:]
	}
	return found, nil
}

// readyFrame is a READY command with nothing in it but the socket type.
func readyFrame(socketType string) []byte {
	body := append([]byte{11}, "Socket-Type"...)
	body = binary.BigEndian.AppendUint32(body, uint32(len(socketType)))
	return commandFrame("READY", append(body, socketType...))
}

// commandFrame is a whole frame. Our own commands are all short ones.
func commandFrame(name string, body []byte) []byte {
	size := 1 + len(name) + len(body)
	frame := make([]byte, 0, 2+size)
	frame = append(frame, flagCommand, byte(size), byte(len(name)))
	frame = append(frame, name...)
	return append(frame, body...)
}

// splitCommand takes the body of a command frame apart.
func splitCommand(body []byte) (name string, data []byte, err error) {
	if len(body) == 0 || len(body) < 1+int(body[0]) {
		return "", nil, errors.New("torn command")
	}
	n := 1 + int(body[0])
	return string(body[1:n]), body[n:], nil
}

// headerOf says how long the header of the frame at the start of b is and how
// long its body; false if more bytes are needed to know.
func headerOf(b []byte) (header int, body uint64, ok bool) {
	switch {
	case len(b) < 2:
		return 0, 0, false
	case b[0]&flagLong == 0:
		return 2, uint64(b[1]), true
	case len(b) < 9:
		return 0, 0, false
	default:
		return 9, binary.BigEndian.Uint64(b[1:]), true
	}
}
