package will

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"zmicroservices/taskservice/message"
)

// Topic is where wills are laid down.
const Topic = "zms.will"

// Bounds of what is kept: wills of one connection, bytes of one of them, and both of all.
const (
	MaxWills = 16
	MaxSize  = 64 << 10
	MaxAll   = 64 << 10
	MaxBytes = 32 << 20
)

// longestTopic is in bytes.
const longestTopic = 255

// Will is what is to be published for whom.
type Will struct {
	Topic   string
	GID     string          // of the microservice that it is about; "" is none
	Payload json.RawMessage // compact; nil: what was laid down is withdrawn
}

// refused are topics that no will may have.
var refused = []string{message.TopicContext, message.TopicProcess, message.TopicState, message.TopicControl, Topic}

// Parse reads the payload of a message on Topic.
func Parse(payload []byte) (Will, error) {
	if len(payload) > MaxSize {
		return Will{}, fmt.Errorf("it has %d bytes, at most %d are kept", len(payload), MaxSize)
	}
	var m struct {
		Topic   string          `json:"topic"`
		GID     string          `json:"gid"`
		Payload json.RawMessage `json:"payload"`
	}
	if err := json.Unmarshal(payload, &m); err != nil {
		return Will{}, fmt.Errorf("read it: %w", err)
	}
	if err := checkTopic(m.Topic); err != nil {
		return Will{}, err
	}
	w := Will{Topic: m.Topic, GID: m.GID}
	switch {
	case m.Payload == nil:
		return Will{}, errors.New("payload is missing; null withdraws a will")
	case string(m.Payload) == "null":
		return w, nil
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, m.Payload); err != nil {
		return Will{}, fmt.Errorf("read payload: %w", err)
	}
	w.Payload, w.GID = compact.Bytes(), gidOf(m.Payload)
	return w, nil
}

// gidOf is the gid that a payload names, if it does.
func gidOf(payload []byte) string {
	var m struct {
		GID string `json:"gid"`
	}
	if json.Unmarshal(payload, &m) != nil {
		return "" // no object, or one whose gid is no text: then it is about nobody
	}
	return m.GID
}

func checkTopic(topic string) error {
	switch {
	case topic == "":
		return errors.New("topic is missing")
	case len(topic) > longestTopic:
		return fmt.Errorf("topic has %d bytes, at most %d are allowed", len(topic), longestTopic)
	case !utf8.ValidString(topic), strings.Contains(topic, "@@@"), strings.ContainsFunc(topic, unfit):
		return fmt.Errorf("%q cannot be a topic", topic)
	case slices.Contains(refused, topic):
		return fmt.Errorf("a will may not be published on %s", topic)
	}
	return nil
}

func unfit(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }

// frame is the message that a will is.
func (w Will) frame() []byte { return message.Join(w.Topic, w.Payload) }
