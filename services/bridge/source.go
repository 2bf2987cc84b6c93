package bridge

import (
	"context"
	"encoding/json"
	"time"
)

// Source tells of the provider under which the bridge runs.
type Source interface {
	// Self is what the provider says of itself.
	Self(ctx context.Context) (Self, error)
	// State gives the task services of a transaction, or of all (""), as JSON.
	State(ctx context.Context, transaction string) (json.RawMessage, error)
	// Top gives what they cost, as JSON.
	Top(ctx context.Context, transaction string) (json.RawMessage, error)
}

// Self is a provider, in few words.
type Self struct {
	UUID         string        `json:"uuid,omitempty"` // of the host, where it has one
	Version      string        `json:"version"`
	FrontEnd     string        `json:"front_end_endpoint"` // where to subscribe
	Backend      string        `json:"backend_endpoint"`   // where to publish
	Transactions []Transaction `json:"transactions"`
}

// Transaction is one that the provider has open.
type Transaction struct {
	ID       string    `json:"transaction"`
	Began    time.Time `json:"began"`
	Services int       `json:"services"`
	Up       int       `json:"up"` // of those, started
}

// Presence is the answer to zmicroservices.discover: one context of one host. Keys are
// added, never taken away.
type Presence struct {
	Host    string `json:"host"`
	Context string `json:"context"`
	Self
	Address   string    `json:"address,omitempty"` // from where NATS sees the bridge
	At        time.Time `json:"at"`
	Commands  bool      `json:"commands"` // it takes commands
	Topics    []string  `json:"topics"`   // what it mirrors
	Spooled   int       `json:"spooled"`  // events that wait for a link
	Dropped   uint64    `json:"dropped"`  // events that found no room while they waited, since the bridge began
	Unsent    uint64    `json:"unsent"`   // messages of other topics that found no link
	Error     string    `json:"error,omitempty"`
	BridgeRun string    `json:"run"` // changes with each process of the bridge
}

// Verdict is the answer to a command.
type Verdict struct {
	Result    string            `json:"result"` // success or failed
	Reason    string            `json:"reason,omitempty"`
	Tasks     map[string]string `json:"tasks,omitempty"` // the task services that failed, and why
	RequestID string            `json:"request_id,omitempty"`
	Content   json.RawMessage   `json:"content,omitempty"` // of a question on the topic state
}

// Question is the body of zmicroservices.<host>.<context>.ask.state and .top.
type Question struct {
	Transaction string `json:"transaction,omitempty"` // "": all
}

// The headers of a message that was said on a bus.
const (
	HeaderID     = "Nats-Msg-Id" // <run of the bridge>-<number>; JetStream drops a second one
	HeaderTime   = "Zms-Time"    // when the bridge heard it, RFC 3339 with nanoseconds
	HeaderOrigin = "Zms-Origin"  // <host>.<context>, escaped as in subjects
	HeaderLane   = "Zms-Lane"    // the service that it is about: what of one lane is in order
	HeaderError  = "Zms-Error"   // why a question has no answer
)
