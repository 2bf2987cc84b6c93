package forwarder

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// topic is what we do with the messages of one topic, or of all that begin alike.
type topic struct {
	name    string
	prefix  bool  // all topics that begin with name
	guarded bool  // Options.Admit is asked
	class   class // what a message of it is worth in a full queue
	taps    []int // who gets it, as indexes of Options.Taps
}

// String is the topic's name for a log; nil is any other.
func (t *topic) String() string {
	if t == nil {
		return "any other"
	}
	return t.name
}

// topics finds the few topics that are special here. A message of any other
// costs one look into a table.
type topics struct {
	named []*topic
	// first marks the bytes that a frame of a special topic can begin with:
	// first letters, and everything that may begin white space.
	first [256]bool
}

// separator ends the topic of a frame: `topic @@@ {json}`.
const separator = "@@@"

func newTopics(o *Options) *topics {
	t := &topics{}
	for b := range t.first {
		t.first[b] = b <= ' ' || b >= utf8.RuneSelf
	}
	for _, name := range o.Priority {
		t.entry(name).class = classControl
	}
	for _, name := range o.Guarded {
		t.entry(name).guarded = true
	}
	for i, tap := range o.Taps {
		for _, name := range tap.Topics {
			if n := t.entry(name); !slices.Contains(n.taps, i) {
				n.taps = append(n.taps, i)
			}
		}
	}
	t.settle()
	return t
}

// settle has the longest name found first: who wants to hear one of the topics that
// begin alike does not take it away from those who guard or hear all of them.
func (t *topics) settle() {
	slices.SortStableFunc(t.named, func(a, b *topic) int { return len(b.name) - len(a.name) })
	for i, n := range t.named {
		for _, wide := range t.named[i+1:] {
			if !wide.prefix || !strings.HasPrefix(n.name, wide.name) {
				continue
			}
			n.guarded = n.guarded || wide.guarded
			n.class = max(n.class, wide.class)
			for _, k := range wide.taps {
				if !slices.Contains(n.taps, k) {
					n.taps = append(n.taps, k)
				}
			}
		}
	}
}

// entry returns the one entry of that name.
func (t *topics) entry(name string) *topic {
	for _, n := range t.named {
		if n.name == name {
			return n
		}
	}
	n := &topic{name: name, prefix: strings.HasSuffix(name, ".")}
	t.named = append(t.named, n)
	t.first[name[0]] = true
	return n
}

// find returns the special topic of a frame, or nil.
func (t *topics) find(frame []byte) *topic {
	if len(frame) == 0 || !t.first[frame[0]] {
		return nil
	}
	found, _ := t.look(frame)
	return found
}

// peek reports whether a frame has a special topic, or may have, as far as can
// be said with its beginning.
func (t *topics) peek(beginning []byte) bool {
	found, unsure := t.look(beginning)
	return found != nil || unsure
}

// look returns the special topic of a frame, or nil; unsure if what follows
// frame would matter.
//
// White space is what Python's str.strip and Go's unicode call so, because that
// is what the receivers trim: a command must not get past the guard by a space
// that only its receiver ignores.
func (t *topics) look(frame []byte) (found *topic, unsure bool) {
	s := trimLeft(frame)
	if !utf8.FullRune(s) { // nothing, or the beginning of what may be white space
		return nil, true
	}
	for _, n := range t.named {
		if len(s) < len(n.name) {
			unsure = unsure || n.name[:len(s)] == string(s)
			continue
		}
		if string(s[:len(n.name)]) != n.name {
			continue
		}
		if n.prefix {
			return n, false
		}
		rest := trimLeft(s[len(n.name):])
		switch {
		case len(rest) >= len(separator) && utf8.FullRune(rest):
			if string(rest[:len(separator)]) == separator {
				return n, false
			}
		case separator[:len(rest)] == string(rest), !utf8.FullRune(rest):
			unsure = true
		}
	}
	return nil, unsure
}

// trimLeft cuts leading white space.
func trimLeft(b []byte) []byte {
	for len(b) > 0 {
		if c := b[0]; c < utf8.RuneSelf {
			if c > ' ' || !isSpace(rune(c)) {
				return b
			}
			b = b[1:]
			continue
		}
		r, n := utf8.DecodeRune(b)
		// A lone 0x85 or 0xa0 is white space to who reads Latin-1.
		if r == utf8.RuneError && n == 1 && (b[0] == 0x85 || b[0] == 0xa0) {
			r = ' '
		}
		if !isSpace(r) {
			return b
		}
		b = b[n:]
	}
	return b
}

// isSpace: U+001C to U+001F are white space to Python and not to Go.
func isSpace(r rune) bool {
	return unicode.IsSpace(r) || r >= 0x1c && r <= 0x1f
}
