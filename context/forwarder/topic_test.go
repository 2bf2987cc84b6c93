package forwarder

import (
	"bytes"
	"strings"
	"testing"
	"unicode"
)

// slow is the definition: the text before the first "@@@", trimmed as Python
// trims a str.
func slow(frame []byte) (string, bool) {
	before, _, ok := strings.Cut(string(frame), separator)
	return strings.TrimFunc(before, func(r rune) bool { return unicode.IsSpace(r) || r >= 0x1c && r <= 0x1f }), ok
}

func FuzzTopic(f *testing.F) {
	for _, s := range []string{
		"context @@@ {}", " context@@@", "\u3000state\u2028@@@x", "contexts @@@", "context", "context @@", "context@@@@", "@@@",
		"control\x1c@@@", "", " ", "\xff context@@@", "con@@@text", "state state @@@",
	} {
		f.Add([]byte(s), 3)
	}
	topics := newTopics(&Options{Guarded: []string{"context", "state"}, Priority: []string{"control", "con"}})
	f.Fuzz(func(t *testing.T, frame []byte, cut int) {
		var got string
		if n := topics.find(frame); n != nil {
			got = n.name
		}
		name, ok := slow(frame)
		want := ""
		for _, n := range topics.named {
			if ok && n.name == name {
				want = name
			}
		}
		// A byte that is no UTF-8 may be white space to one and not to the other.
		if got != want && !bytes.ContainsAny(frame, "\x85\xa0") && string(frame) == strings.ToValidUTF8(string(frame), "") {
			t.Errorf("%q has topic %q, want %q", frame, got, want)
		}
		// Whatever is special is so at a look at any beginning.
		if cut = min(max(cut, 0), len(frame)); got != "" && !topics.peek(frame[:cut]) {
			t.Errorf("%q has a topic, and no %q may have", frame, frame[:cut])
		}
	})
}
