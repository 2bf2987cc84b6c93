package lifecycle

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Event is one life cycle event. It does not change once it was made.
type Event struct {
	kind       Type
	id         string
	identity   string
	component  string
	version    string
	newVersion string
	timestamp  int64 // seconds since 1970, UTC
}

// New makes an event of now, with an id of its own. An option that its type
// requires and that is missing, or empty, is an error that names it.
func New(t Type, options ...Option) (*Event, error) {
	if !t.known() {
		return nil, fmt.Errorf("new event: unknown event type %d", int(t))
	}
	e := &Event{kind: t, id: uuid.NewString(), timestamp: time.Now().Unix()}
	for _, o := range options {
		o(e)
	}
	if missing := e.missing(); len(missing) > 0 {
		return nil, fmt.Errorf("new %s event: missing %s", t, strings.Join(missing, ", "))
	}
	if _, err := e.Target(); err != nil {
		return nil, fmt.Errorf("new %s event: %w", t, err)
	}
	return e, nil
}

// missing are the required options that were not given.
func (e *Event) missing() []string {
	var names []string
	for _, o := range []struct {
		name, value string
		required    bool
	}{
		{"Identity()", e.identity, true},
		{"Component()", e.component, true},
		{"Version()", e.version, traits[e.kind].versioned},
		{"NewVersion()", e.newVersion, traits[e.kind].newVersion},
	} {
		if o.required && o.value == "" {
			names = append(names, o.name)
		}
	}
	return names
}

// Type is the kind of the event.
func (e *Event) Type() Type { return e.kind }

// TypeString is the word of its type: "startup".
func (e *Event) TypeString() string { return e.kind.String() }

// Protocol is io.choria.lifecycle.v1.startup, also of an event read in an older form.
func (e *Event) Protocol() string { return protocolPrefix + e.kind.String() }

// ID is the event's UUID, version 4 where New made it (RFC 9562).
func (e *Event) ID() string { return e.id }

// Identity is who speaks: a host, or what is unique beyond hosts.
func (e *Event) Identity() string { return e.identity }

// Component is what speaks: the kind of program.
func (e *Event) Component() string { return e.component }

// Version is the version of the component, "" of an event whose type has none; of
// Upgraded it is the version that goes.
func (e *Event) Version() string { return e.version }

// NewVersion is the version that comes, of Upgraded alone.
func (e *Event) NewVersion() string { return e.newVersion }

// TimeStamp is when the event was made, to the second.
func (e *Event) TimeStamp() time.Time { return time.Unix(e.timestamp, 0) }

// Target is the topic to publish it on, see Topic.
func (e *Event) Target() (string, error) { return Topic(e.kind, e.component) }

// String is the event on one line, as Choria prints it.
//
//	[startup] c1.example.net: server version 0.6.0
//	[shutdown] c1.example.net: server
//	[upgraded] c1.example.net: server version 0.6.0 to 0.7.0
func (e *Event) String() string {
	s := fmt.Sprintf("[%s] %s: %s", e.kind, e.identity, e.component)
	if traits[e.kind].versioned {
		s += " version " + e.version
	}
	if traits[e.kind].newVersion {
		s += " to " + e.newVersion
	}
	return s
}

// MarshalJSON writes the event with the keys in the order in which Choria documents them.
func (e *Event) MarshalJSON() ([]byte, error) {
	switch {
	case traits[e.kind].newVersion:
		return json.Marshal(struct {
			Protocol   string `json:"protocol"`
			ID         string `json:"id"`
			Identity   string `json:"identity"`
			Component  string `json:"component"`
			Timestamp  int64  `json:"timestamp"`
			Version    string `json:"version"`
			NewVersion string `json:"new_version"`
		}{e.Protocol(), e.id, e.identity, e.component, e.timestamp, e.version, e.newVersion})
	case traits[e.kind].versioned:
		return json.Marshal(struct {
			Protocol  string `json:"protocol"`
			ID        string `json:"id"`
			Identity  string `json:"identity"`
			Version   string `json:"version"`
			Timestamp int64  `json:"timestamp"`
			Component string `json:"component"`
		}{e.Protocol(), e.id, e.identity, e.version, e.timestamp, e.component})
	}
	return json.Marshal(struct {
		Protocol  string `json:"protocol"`
		ID        string `json:"id"`
		Identity  string `json:"identity"`
		Component string `json:"component"`
		Timestamp int64  `json:"timestamp"`
	}{e.Protocol(), e.id, e.identity, e.component, e.timestamp})
}
