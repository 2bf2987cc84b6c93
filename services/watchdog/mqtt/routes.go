package mqtt

import (
	"strings"

	"zmicroservices/taskservice/hippodamia"
)

// kind is what a topic is for; it decides what is asked of a payload.
type kind uint8

const (
	kindState   kind = iota // of an agent, or a command to agents: goes on as it is
	kindContact             // an onboarding request: names a topic, which is translated
)

// direction is which way a message crosses.
type direction uint8

const (
	toBus direction = iota
	toBroker
)

// subscriptions is the number of topics that cross from the broker.
const subscriptions = 9

// longestWord bounds the individual part of a topic. A UUID has 36 characters.
const longestWord = 128

// routes are the topics of both sides. They are read only.
type routes struct {
	topics hippodamia.Topics
	prefix string            // of the broker's topics, "hippodamia/"
	bus    map[string]string // ours by the broker's
	broker map[string]string // and back
}

func newRoutes(t hippodamia.Topics) routes {
	r := routes{topics: t, prefix: slashed(t.Prefix()), bus: map[string]string{}, broker: map[string]string{}}
	for _, topic := range [subscriptions]string{
		t.Contact(), t.Ping(), t.Runtime(), t.Config(), t.End(),
		t.CommandPing(), t.CommandRuntime(), t.CommandConfig(), t.CommandOnboarding(),
	} {
		r.bus[slashed(topic)] = topic
		r.broker[topic] = slashed(topic)
	}
	return r
}

func slashed(topic string) string { return strings.ReplaceAll(topic, ".", "/") }

// fromBroker is our topic for one of the broker's. Only what is in the table crosses, so
// that no spelling of a topic there can lead anywhere else here.
func (r routes) fromBroker(topic string) (ours string, k kind, ok bool) {
	ours, ok = r.bus[topic]
	return ours, r.kind(ours), ok
}

// fromBus is the broker's topic for one of ours.
func (r routes) fromBus(topic string) (theirs string, k kind, ok bool) {
	if theirs, ok = r.broker[topic]; ok {
		return theirs, r.kind(topic), true
	}
	if uuid, is := strings.CutPrefix(topic, r.topics.Individual("")); is && aWord(uuid) {
		return r.prefix + "uuid/" + uuid, kindState, true
	}
	return "", kindState, false
}

func (r routes) kind(ours string) kind {
	if ours == r.topics.Contact() {
		return kindContact
	}
	return kindState
}

// individual is the uuid in the topic that an onboarding request names. Agents on
// either side may spell it as there or as here.
func (r routes) individual(topic string) (uuid string, ok bool) {
	uuid, ok = strings.CutPrefix(topic, r.topics.Individual(""))
	if !ok {
		uuid, ok = strings.CutPrefix(topic, r.prefix+"uuid/")
	}
	return uuid, ok && aWord(uuid)
}

// status is where we tell the broker's clients how we are.
func (r routes) status(name string) string { return r.prefix + "gateway/" + name }

// aWord says whether s is one level of a topic that means the same on both sides.
func aWord(s string) bool {
	return s != "" && len(s) <= longestWord && strings.IndexFunc(s, notOfAWord) < 0
}

func notOfAWord(r rune) bool {
	switch {
	case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-', r == '_':
		return false
	}
	return true
}

// word makes one of s, for a name that somebody gave.
func word(s string) string {
	s = strings.Map(func(r rune) rune {
		if notOfAWord(r) {
			return '-'
		}
		return r
	}, s)
	return s[:min(len(s), longestWord)]
}
