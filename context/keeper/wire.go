package keeper

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Version of the protocol. It only ever grows, and grows by addition: either side
// ignores fields and kinds that it does not know, so a keeper one version back
// works with a newer provider. The hello of each side carries it.
//
// 1: spawn, stop, signal, kill, ack, list, stats, shutdown, and their events.
// 2: what a provider needs that comes back: more in Status, the keeper's pid when
// it refuses, Last in its hello; the descriptor store; ready, and a keeper that
// stands first; adopt.
// 3: attributes, cgroup and hooks of a process in Spec; hook; taps, limits and losses of
// output; notices.
// 4: upgrade, guard.
const Version = 4

// maxMessage bounds one message. execve(2) takes at most 6 MiB of strings
// (three quarters of the 8 MiB stack), JSON may double them.
const maxMessage = 16 << 20

// The kinds of message. Each line of the stream is one message in JSON.
const (
	kindHello    = "hello"    // both ways, first: Version, Epoch, PID; keeper: Seq acknowledged, Last
	kindRefused  = "refused"  // keeper: why the connection ends; Err, Epoch, PID
	kindSpawn    = "spawn"    // provider: Spec
	kindStop     = "stop"     // provider: ID, Recipe or the slot's own
	kindSignal   = "signal"   // provider: ID, Signal
	kindKill     = "kill"     // provider: ID
	kindHook     = "hook"     // provider: ID, Name of the turn
	kindWatchdog = "watchdog" // provider: ID, Every
	kindAck      = "ack"      // provider: Seq
	kindList     = "list"     // provider: Req; answered by kindReply
	kindStats    = "stats"    // provider: Req; answered by kindReply
	kindShutdown = "shutdown" // provider: stop everything, then exit
	kindStore    = "store"    // provider: Req, Name, and a descriptor with it; answered by kindReply
	kindFetch    = "fetch"    // provider: Req, Name; answered by kindReply with a descriptor
	kindRelease  = "release"  // provider: Req, Name; answered by kindReply
	kindStored   = "stored"   // provider: Req; answered by kindReply
	kindAdopt    = "adopt"    // provider: Req, Claims; answered by kindReply with List
	kindUpgrade  = "upgrade"  // provider: Req, Name of a program in the store; answered by kindReply, of the new program if all is well
	kindGuard    = "guard"    // provider: Req, Guard; answered by kindReply
	kindReady    = "ready"    // provider: Text, for the service manager
	kindTap      = "tap"      // provider: Req, ID (Incarnation 0: all of the task), Seq that names it; answered by kindReply with At
	kindUntap    = "untap"    // provider: Seq
	kindLines    = "lines"    // keeper: Seq of the tap, Lines, Dropped
	kindLosses   = "losses"   // keeper: Losses, of tasks where something was dropped since the last
	kindEnded    = "ended"    // keeper, outermost: everything is stopped, it is the provider's turn
	kindReply    = "reply"    // keeper: Req and List, Stats, Names, or Err
	kindEvent    = "event"    // keeper: Event
	kindNote     = "note"     // keeper: Text, a line for the provider's log
	kindPing     = "ping"     // both ways, answered by kindPong
	kindPong     = "pong"
)

// message is every message of the protocol; a kind uses the fields it needs.
type message struct {
	Kind    string         `json:"kind"`
	Version int            `json:"version,omitempty"`
	Epoch   uint64         `json:"epoch,omitempty"`
	PID     int            `json:"pid,omitempty"`
	Req     uint64         `json:"req,omitempty"`
	Seq     uint64         `json:"seq,omitempty"`
	Last    uint64         `json:"last,omitempty"`
	ID      ID             `json:"id,omitzero"`
	Spec    *Spec          `json:"spec,omitempty"`
	Recipe  *Recipe        `json:"recipe,omitempty"`
	Signal  syscall.Signal `json:"signal,omitempty"`
	Event   *Event         `json:"event,omitempty"`
	List    []Status       `json:"list,omitempty"`
	Stats   *Stats         `json:"stats,omitempty"`
	Err     string         `json:"err,omitempty"`
	Text    string         `json:"text,omitempty"`
	Name    string         `json:"name,omitempty"`
	Names   []string       `json:"names,omitempty"`
	Claims  []Claim        `json:"claims,omitempty"`
	Every   time.Duration  `json:"every,omitempty"`
	Right   bool           `json:"right,omitempty"` // a descriptor comes with it (SCM_RIGHTS, unix(7))
	fd      int            // that one

	// Of a tap: when it began; whole lines, as in the log file; how many came after
	// those and were dropped.
	At      time.Time `json:"at,omitzero"`
	Lines   []byte    `json:"lines,omitempty"`
	Dropped uint64    `json:"dropped,omitempty"`
	Losses  []Loss    `json:"losses,omitempty"`

	Guard *Guard `json:"guard,omitempty"`

	// Outermost: the keeper is above its provider, and ends after it.
	Outermost bool `json:"outermost,omitempty"`

	// Strings carries path, directory, log, argv and environment NUL-separated: the
	// kernel's strings are bytes, JSON's are not, and of an environment as JSON each
	// variable is read three times.
	Strings []byte `json:"strings,omitempty"`
	Args    int    `json:"args,omitempty"` // how many of Strings are argv
}

// encode appends the message and its newline to b.
func (m *message) encode(b []byte) ([]byte, error) {
	if m.Spec != nil {
		m = m.withBytes()
	}
	text, err := json.Marshal(m)
	if err != nil {
		return b, fmt.Errorf("encode %s: %w", m.Kind, err)
	}
	if len(text) >= maxMessage {
		return b, fmt.Errorf("encode %s: %d bytes are beyond %d", m.Kind, len(text), maxMessage)
	}
	return append(append(b, text...), '\n'), nil
}

// withBytes moves the strings of a Spec into Strings, unless one holds a NUL, which
// check refuses.
func (m *message) withBytes() *message {
	s := m.Spec
	all := append(append([]string{s.Path, s.Dir, s.Output.Log}, s.Argv...), s.Env...)
	if slices.ContainsFunc(all, func(text string) bool { return strings.IndexByte(text, 0) >= 0 }) {
		return m
	}
	bare, wrapped := *s, *m
	bare.Path, bare.Dir, bare.Output.Log, bare.Argv, bare.Env = "", "", "", nil, nil
	wrapped.Spec, wrapped.Args, wrapped.Strings = &bare, len(s.Argv), []byte(strings.Join(all, "\x00"))
	return &wrapped
}

// decode parses one line. What it returns may still ask for nonsense; it is never nil
// without an error, and a spawn always has a Spec, an event an Event.
func decode(line []byte) (*message, error) {
	m := new(message)
	if err := json.Unmarshal(line, m); err != nil {
		return nil, fmt.Errorf("decode message: %w", err)
	}
	switch {
	case m.Kind == "":
		return nil, errors.New("decode message: no kind")
	case m.Kind == kindSpawn && m.Spec == nil:
		return nil, errors.New("decode spawn: no spec")
	case m.Kind == kindEvent && m.Event == nil:
		return nil, errors.New("decode event: no event")
	}
	if len(m.Strings) > 0 && m.Spec != nil {
		all := strings.Split(string(m.Strings), "\x00")
		if m.Args < 0 || m.Args > len(all)-3 {
			return nil, fmt.Errorf("decode spawn: %d arguments of %d strings", m.Args, len(all))
		}
		s := m.Spec
		// These stay as long as the slot, and are not to hold on to the environment.
		s.Path, s.Dir, s.Output.Log = strings.Clone(all[0]), strings.Clone(all[1]), strings.Clone(all[2])
		s.Argv, s.Env = all[3:3+m.Args], all[3+m.Args:]
		m.Strings, m.Args = nil, 0
	}
	return m, nil
}

// lines cuts a byte stream into messages. The zero value is ready.
type lines struct {
	buf  []byte
	seen int // bytes of buf that hold no newline: not searched again
}

// room returns space to read into; filled must be called with what was read.
func (l *lines) room() []byte {
	const chunk = 64 << 10
	if cap(l.buf)-len(l.buf) < chunk/4 {
		grown := make([]byte, len(l.buf), 2*cap(l.buf)+chunk)
		copy(grown, l.buf)
		l.buf = grown
	}
	return l.buf[len(l.buf):cap(l.buf)]
}

func (l *lines) filled(n int) { l.buf = l.buf[:len(l.buf)+n] }

// next returns the next whole line without its newline, nil if there is none
// yet, and an error if the line to come is beyond maxMessage. The line is valid
// until the next call of room.
func (l *lines) next() ([]byte, error) {
	i := bytes.IndexByte(l.buf[l.seen:], '\n')
	if i < 0 {
		if l.seen = len(l.buf); l.seen == 0 && cap(l.buf) > 1<<20 {
			l.buf = nil // a burst is over
		}
		if l.seen > maxMessage {
			return nil, fmt.Errorf("message beyond %d bytes", maxMessage)
		}
		return nil, nil
	}
	line := l.buf[:l.seen+i]
	l.buf, l.seen = l.buf[l.seen+i+1:], 0
	return line, nil
}
