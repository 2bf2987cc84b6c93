package forwarder

import (
	"bytes"
	"reflect"
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

func TestATopicBelowOthersIsTheirsToo(t *testing.T) {
	topics := newTopics(&Options{
		Guarded: []string{"agents.", "agents.b"}, Priority: []string{"agents.state."},
		Taps: []Tap{{Topics: []string{"agents.state.end", "agents.uuid."}}, {Topics: []string{"agents."}}, {Topics: []string{"agents.state.end"}}},
	})
	for frame, want := range map[string]topic{
		"agents.state.end @@@ {}":  {name: "agents.state.end", guarded: true, class: classControl, taps: []int{0, 2, 1}},
		"agents.state.ping @@@ {}": {name: "agents.state.", prefix: true, guarded: true, class: classControl, taps: []int{1}},
		"agents.uuid.7 @@@ {}":     {name: "agents.uuid.", prefix: true, guarded: true, taps: []int{0, 1}},
		"agents.b @@@ {}":          {name: "agents.b", guarded: true, taps: []int{1}},
		"agents.bb @@@ {}":         {name: "agents.", prefix: true, guarded: true, taps: []int{1}},
	} {
		got := topics.find([]byte(frame))
		if got == nil || !reflect.DeepEqual(*got, want) {
			t.Errorf("%s: %+v, want %+v", frame, got, want)
		}
	}
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
