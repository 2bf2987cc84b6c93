package watchdog

import (
	"time"

	"zmicroservices/taskservice/hippodamia"
)

// Texts in a record are UTF-8 without NUL, of some hundred bytes at most, and numbers are
// below 1<<63: the watchdog rejects the messages of others that would make others.

// Microservice is the row of one: what the watchdog knows of it now.
type Microservice struct {
	hippodamia.Service
	Since    time.Time     // when it came into its state
	Before   string        // the uuid of the start before; "": there was none
	Seq      uint64        // the highest that its uuid has said
	Missed   uint64        // numbers of sequences, of all its starts, that never came
	Interval time.Duration // at which it is taken to speak
	Away     bool          // an alarm was given, and it is not back
}

// Change is a step of a microservice from one state to another.
type Change struct {
	At       time.Time
	GID      string
	UUID     string           // of the start that it happened to
	From, To hippodamia.State // From is "" of one that was not known
	Input    Input
	Reason   string
}

// Message is one that came.
type Message struct {
	At       time.Time
	Topic    string
	GID      string // whose it says it is; "": it does not say, or cannot be read
	UUID     string
	Rejected string // why it was of no use; "": it was not
	Payload  []byte // as it came, any bytes; cut to MaxPayload, or ShortPayload
	Size     int    // of all of it
}

// MaxPayload is how many bytes of a message are stored. A longer one is rejected: no
// agent has so much to say. Of one that is rejected, and of every one while more than
// 1,000 writes wait for the database, ShortPayload is stored: a client that has much to
// say and a disk that does not answer are not to fill the memory.
const (
	MaxPayload   = 256 << 10
	ShortPayload = 4 << 10
)

// Entry is what one step leaves. What is nil did not happen.
type Entry struct {
	Message *Message
	Change  *Change
	After   *Microservice // the row as it is now
}
