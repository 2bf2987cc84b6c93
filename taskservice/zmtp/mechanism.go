package zmtp

import "fmt"

// A Mechanism is one half of a security handshake with one peer: a state machine
// that Handshake or Connect feeds. A value serves one connection.
type Mechanism interface {
	// Name is the mechanism's name in the greeting.
	Name() string
	// Open returns the command frames to send once the greetings are exchanged,
	// before the peer has said anything; nil if the peer speaks first.
	Open() []byte
	// Receive takes the peer's next command and returns the frames to answer
	// with. The handshake goes on until done, when the peer's metadata is known.
	// With an error, reply (an ERROR command, or nothing) is still sent.
	Receive(name, data []byte) (reply []byte, metadata Metadata, done bool, err error)
	// Key identifies the peer that was let in; empty where nobody is.
	Key() string
}

// Null is the mechanism without security (RFC 37, "The NULL Security
// Mechanism"): each side sends READY, in any order.
type Null struct {
	// Metadata is what our READY says.
	Metadata Metadata
}

// Name returns "NULL".
func (Null) Name() string { return "NULL" }

// Open returns our READY. It does not wait for the peer's: NULL has no roles,
// and two sides that both wait would wait for ever.
func (n Null) Open() []byte {
	return AppendCommand(nil, ReadyCommand, AppendMetadata(nil, n.Metadata))
}

// Receive takes the peer's READY or ERROR.
func (Null) Receive(name, data []byte) (reply []byte, metadata Metadata, done bool, err error) {
	switch string(name) {
	case ReadyCommand:
		metadata, err = ParseMetadata(data)
		return nil, metadata, err == nil, err
	case ErrorCommand:
		reason, err := ParseError(data)
		if err != nil {
			return nil, nil, false, err
		}
		return nil, nil, false, fmt.Errorf("%q: %w", reason, ErrPeer)
	default:
		return nil, nil, false, fmt.Errorf("%.32q instead of READY: %w", name, ErrMalformed)
	}
}

// Key is empty: nobody is identified.
func (Null) Key() string { return "" }
