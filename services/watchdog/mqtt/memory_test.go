package mqtt

import (
	"strconv"
	"testing"
	"time"
)

func TestTheMemoryKnowsEchoesAndRepetitions(t *testing.T) {
	m := newMemory(3)
	at := time.Unix(0, 0)
	a := digestOf("t", []byte("a"))
	step := func(d digest, way direction, after time.Duration, want verdict) {
		t.Helper()
		at = at.Add(after)
		if got := m.cross(d, way, at); got != want {
			t.Errorf("%v, want %v", got, want)
		}
	}
	step(a, toBus, 0, crosses)
	step(a, toBroker, 0, echo)
	step(a, toBroker, time.Hour, echo) // the bus was away
	step(a, toBus, 0, crosses)         // an agent's will that is always the same
	step(a, toBus, repetition-1, repeated)
	step(a, toBus, 1, crosses)
	step(digestOf("u", []byte("a")), toBroker, 0, crosses) // the topic counts
	for i := range 2 {
		step(digestOf("t", []byte(strconv.Itoa(i))), toBus, 0, crosses)
	}
	step(a, toBroker, 0, crosses) // forgotten: it was the oldest of three
	if len(m.known) != 3 || len(m.order) != 3 {
		t.Error(len(m.known), len(m.order))
	}
}

func TestTopicAndPayloadDoNotRunTogether(t *testing.T) {
	if digestOf("ab", []byte("c")) == digestOf("a", []byte("bc")) {
		t.Error("two messages are one")
	}
}
