package subject

import (
	"fmt"
	"strings"
)

// Root begins all subjects of ours.
const Root = "zmicroservices"

const (
	// Discover is the request that every bridge answers.
	Discover = Root + ".discover"
	// Lifecycle begins the subjects of life cycle events, and their topics.
	Lifecycle = "choria.lifecycle.event."
	// AllLifecycle are the subjects of all life cycle events.
	AllLifecycle = Lifecycle + ">"
	// AllControl are the subjects of the topic control of all hosts.
	AllControl = Root + ".*.*.control"
	// Everything is what was said on all hosts, and what is asked of them.
	Everything = Root + ".*.*.>"
)

// Place is one context of one host.
type Place struct {
	Host, Context string
}

func (p Place) String() string { return p.Host + "/" + p.Context }

// root is what the subjects of a place begin with, a dot behind it.
func (p Place) root() string {
	return Root + "." + Escape(p.Host) + "." + Escape(p.Context) + "."
}

// Of is the subject of a topic of the place's bus.
func (p Place) Of(topic string) string { return p.root() + escapeTopic(topic) }

// Under are the subjects of all topics of the place that have at least one more part.
func (p Place) Under(topic string) string { return p.Of(topic) + ".>" }

// Command is the subject of commands on a topic: context, process, state.
func (p Place) Command(topic string) string { return p.root() + commandPart + "." + Escape(topic) }

// Ask is the subject of a question: state, top.
func (p Place) Ask(question string) string { return p.root() + askPart + "." + Escape(question) }

// Local is the topic under which another bus repeats what was said at the place: below
// prefix, and read back by Parse with the prefix for Root.
func (p Place) Local(prefix, topic string) string {
	return prefix + strings.TrimPrefix(p.Of(topic), Root)
}

// Parse is the place and the topic of a subject of what was said on a bus. That of a
// request is an error, as is everything that Of does not make.
func Parse(subject string) (Place, string, error) {
	parts := strings.SplitN(subject, ".", 4)
	if len(parts) < 4 || parts[0] != Root {
		return Place{}, "", fmt.Errorf("subject %q is not of a bus: wanted is %s.<host>.<context>.<topic>", subject, Root)
	}
	host, err := Unescape(parts[1])
	if err != nil {
		return Place{}, "", fmt.Errorf("subject %q: host %w", subject, err)
	}
	in, err := Unescape(parts[2])
	if err != nil {
		return Place{}, "", fmt.Errorf("subject %q: context %w", subject, err)
	}
	topic, err := unescapeTopic(parts[3])
	if err != nil {
		return Place{}, "", fmt.Errorf("subject %q: topic %w", subject, err)
	}
	return Place{host, in}, topic, nil
}

// Hosts are the subjects of the topic of all contexts of a host; "" is any host.
func Hosts(host, topic string) string {
	part := "*"
	if host != "" {
		part = Escape(host)
	}
	return Root + "." + part + ".*." + escapeTopic(topic)
}

// Event is the subject of a life cycle event, which has no host in it: Choria's own.
// Components whose names NATS would not take are escaped.
func Event(topic string) string {
	return Lifecycle + escapeTopic(strings.TrimPrefix(topic, Lifecycle))
}

// ParseEvent is the topic of a life cycle event's subject.
func ParseEvent(subject string) (string, error) {
	rest, found := strings.CutPrefix(subject, Lifecycle)
	if !found {
		return "", fmt.Errorf("subject %q is not of a life cycle event", subject)
	}
	topic, err := unescapeTopic(rest)
	if err != nil {
		return "", fmt.Errorf("subject %q: topic %w", subject, err)
	}
	return Lifecycle + topic, nil
}

// Spell is the place as one word, for a header; ParseSpelling reads it.
func (p Place) Spell() string { return Escape(p.Host) + "." + Escape(p.Context) }

// ParseSpelling reads what Spell has made.
func ParseSpelling(s string) (Place, error) {
	host, in, found := strings.Cut(s, ".")
	if !found {
		return Place{}, fmt.Errorf("%q %w of a host and a context", s, ErrSpelling)
	}
	var p Place
	var err error
	if p.Host, err = Unescape(host); err != nil {
		return Place{}, err
	}
	if p.Context, err = Unescape(in); err != nil {
		return Place{}, err
	}
	return p, nil
}
