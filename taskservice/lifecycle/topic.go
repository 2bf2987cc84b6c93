package lifecycle

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Prefix begins the topic of every event. It ends in a dot: subscriptions are
// prefixes, and nothing else is to match.
const Prefix = "choria.lifecycle.event."

// Topic is choria.lifecycle.event.<type>.<component>. A component that could not be
// told from the rest of a frame is an error: an empty one, one with blanks, control
// characters, "@@@", or bytes that are no UTF-8.
func Topic(t Type, component string) (string, error) {
	switch {
	case !t.known():
		return "", fmt.Errorf("unknown event type %d", int(t))
	case component == "":
		return "", fmt.Errorf("%s event has no component", t)
	case !utf8.ValidString(component), strings.Contains(component, "@@@"), strings.ContainsFunc(component, unfit):
		return "", fmt.Errorf("component %q cannot be part of a topic", component)
	}
	return Prefix + t.String() + "." + component, nil
}

func unfit(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }

// pattern is a topic to subscribe to: words between dots, of which "*" is any one
// and a last ">" whatever follows, as NATS has them.
type pattern []string

func newPattern(topic string) (pattern, error) {
	p := pattern(strings.Split(topic, "."))
	for i, word := range p {
		if word == "" || word == ">" && i < len(p)-1 || strings.ContainsFunc(word, unfit) {
			return nil, fmt.Errorf("topic %q: wanted are words between dots, * for any one, > at the end for the rest", topic)
		}
	}
	return p, nil
}

// prefix is what all topics of the pattern begin with.
func (p pattern) prefix() string {
	for i, word := range p {
		if word == "*" || word == ">" {
			return strings.Join(append(p[:i:i], ""), ".")
		}
	}
	return strings.Join(p, ".")
}

func (p pattern) matches(topic string) bool {
	words := strings.Split(topic, ".")
	for i, word := range p {
		switch {
		case i >= len(words):
			return false
		case word == ">":
			return true
		case word != "*" && word != words[i]:
			return false
		}
	}
	return len(words) == len(p)
}
