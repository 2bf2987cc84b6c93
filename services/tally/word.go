package tally

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"zmicroservices/taskservice/lifecycle"
)

// How long, in bytes, the words of strangers may be.
const (
	longestWord     = 128 // a component, a version
	longestIdentity = 256
)

// The words for what has none of its own.
const (
	unknown = "unknown" // it was not said
	other   = "other"   // it is beyond a bound
	all     = "all"     // every component
)

// fit says whether a word can be a label.
func fit(word string, longest int) bool {
	return word != "" && len(word) <= longest && utf8.ValidString(word) && strings.IndexFunc(word, hidden) < 0
}

func hidden(r rune) bool { return !unicode.IsPrint(r) }

// componentOf is the component that a topic of events names: all behind the type.
func componentOf(topic string) string {
	_, component, _ := strings.Cut(strings.TrimPrefix(topic, lifecycle.Prefix), ".")
	if !fit(component, longestWord) {
		return unknown
	}
	return component
}
