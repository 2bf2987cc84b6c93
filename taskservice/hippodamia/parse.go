package hippodamia

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"zmicroservices/taskservice/message"
)

// Error is a message that is not what its topic promises.
type Error struct {
	Field  string // which is wrong; "" for the whole
	Reason string
}

// Error implements error.
func (e *Error) Error() string {
	if e.Field == "" {
		return e.Reason
	}
	return e.Field + ": " + e.Reason
}

// Message is any of the messages of this package, by value.
type Message interface {
	OnboardingRequest | OnboardingResponse | Ping | Runtime | Config | End | Command | Query | Services
	checked
}

type checked interface{ check() error }

// Parse reads a message's JSON and checks what every reader needs of it. The error is
// an *Error.
func Parse[M Message](payload []byte) (M, error) {
	var m M
	if err := json.Unmarshal(payload, &m); err != nil {
		var none M
		return none, explain(err)
	}
	if err := m.check(); err != nil {
		var none M
		return none, err
	}
	return m, nil
}

func explain(err error) error {
	var kind *json.UnmarshalTypeError
	if errors.As(err, &kind) {
		return &Error{kind.Field, "is a " + kind.Value + ", not a " + kind.Type.String()}
	}
	var stamp *time.ParseError
	if errors.As(err, &stamp) {
		return &Error{"timestamp", fmt.Sprintf("%q is no time of RFC 3339", stamp.Value)}
	}
	return &Error{"", "not JSON: " + err.Error()}
}

// Frame is a message as it goes onto our bus. What it holds may be no JSON only where a
// Config's values are not, and that is the error.
func Frame[M Message](topic string, m M) ([]byte, error) {
	payload, err := json.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("encode message for %s: %w", topic, err)
	}
	return message.Join(topic, payload), nil
}

func (m OnboardingRequest) check() error {
	return first(needed("uuid", m.UUID), needed("topic", m.Topic), needed("type", m.Type), needed("name", m.Name), stamped(m.Timestamp))
}

func (m OnboardingResponse) check() error {
	return first(needed("uuid", m.UUID), needed("gid", m.GID), stamped(m.Timestamp))
}

func (m Ping) check() error {
	return first(needed("gid", m.GID), needed("uuid", m.UUID), stamped(m.Timestamp))
}

func (m Command) check() error { return first(needed("request_id", m.RequestID), stamped(m.Timestamp)) }

func (m Runtime) check() error { return m.Ping.check() }

func (m Config) check() error {
	if m.Config == nil {
		return &Error{"config", "is missing"}
	}
	return m.Ping.check()
}

func (m End) check() error { return m.Ping.check() }

func needed(field, value string) error {
	if value == "" {
		return &Error{field, "is missing"}
	}
	return nil
}

func stamped(t time.Time) error {
	if t.IsZero() {
		return &Error{"timestamp", "is missing"}
	}
	return nil
}

func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
