package subject

import (
	"errors"
	"fmt"
	"strings"
)

// ErrSpelling is the error of what no name is spelled like.
var ErrSpelling = errors.New("is no escaped name")

const hex = "0123456789ABCDEF"

// Escape spells a name as one part of a subject, as the package describes.
func Escape(name string) string {
	if name == "" {
		return "%"
	}
	var b strings.Builder
	for i := range len(name) {
		if c := name[i]; plain(c) {
			b.WriteByte(c)
		} else {
			escape(&b, c)
		}
	}
	return b.String()
}

func plain(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_'
}

func escape(b *strings.Builder, c byte) {
	b.Write([]byte{'%', hex[c>>4], hex[c&15]})
}

// Unescape is the name that a part spells.
func Unescape(part string) (string, error) {
	name, err := unescape(part)
	if err == nil && Escape(name) != part {
		err = fmt.Errorf("%q %w", part, ErrSpelling)
	}
	return name, err
}

// unescape takes any spelling.
func unescape(part string) (string, error) {
	if part == "%" {
		return "", nil
	}
	var b strings.Builder
	for i := 0; i < len(part); i++ {
		c := part[i]
		if c == '%' {
			if i+2 >= len(part) {
				return "", fmt.Errorf("%q %w", part, ErrSpelling)
			}
			high, low := strings.IndexByte(hex, part[i+1]), strings.IndexByte(hex, part[i+2])
			if high < 0 || low < 0 {
				return "", fmt.Errorf("%q %w", part, ErrSpelling)
			}
			c, i = byte(high<<4|low), i+2
		}
		b.WriteByte(c)
	}
	return b.String(), nil
}

// The first parts of what is asked, and of no topic.
const (
	commandPart = "command"
	askPart     = "ask"
)

// escapeTopic spells a topic, which keeps its dots.
func escapeTopic(topic string) string {
	parts := strings.Split(topic, ".")
	for i, part := range parts {
		parts[i] = Escape(part)
	}
	if first := parts[0]; first == commandPart || first == askPart {
		var b strings.Builder
		escape(&b, first[0])
		parts[0] = b.String() + first[1:]
	}
	return strings.Join(parts, ".")
}

func unescapeTopic(spelled string) (string, error) {
	parts := strings.Split(spelled, ".")
	for i, part := range parts {
		name, err := unescape(part)
		if err != nil {
			return "", err
		}
		parts[i] = name
	}
	topic := strings.Join(parts, ".")
	if escapeTopic(topic) != spelled { // an escaped dot, too: it would be another topic's
		return "", fmt.Errorf("%q %w", spelled, ErrSpelling)
	}
	return topic, nil
}
