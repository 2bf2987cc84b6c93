package hippodamia

import (
	"fmt"
	"strings"
)

// Prefix is what topics begin with unless a configuration says otherwise.
const Prefix = "hippodamia."

// Topics are the names of one watchdog's topics. The zero value has the default prefix.
type Topics struct{ prefix string }

// NewTopics gives the topics below a prefix, "plant7" or "plant7."; "" is the default.
// A prefix is made of words of letters, digits, "-" and "_", with single dots between.
func NewTopics(prefix string) (Topics, error) {
	prefix = strings.TrimSuffix(prefix, ".")
	if prefix == "" {
		return Topics{}, nil
	}
	for word := range strings.SplitSeq(prefix, ".") {
		if word == "" || strings.IndexFunc(word, notOfAWord) >= 0 {
			return Topics{}, fmt.Errorf("prefix of topics %q: words of letters, digits, - and _ with single dots between are needed", prefix)
		}
	}
	return Topics{prefix + "."}, nil
}

func notOfAWord(r rune) bool {
	switch {
	case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-', r == '_':
		return false
	}
	return true
}

// Prefix is what all of them begin with, the dot included.
func (t Topics) Prefix() string {
	if t.prefix == "" {
		return Prefix
	}
	return t.prefix
}

// Contact is where agents ask to be onboarded.
func (t Topics) Contact() string { return t.Prefix() + "contact" }

// Individual is where the agent with this uuid awaits the response.
func (t Topics) Individual(uuid string) string { return t.Prefix() + "uuid." + uuid }

// State is the prefix of Ping, Runtime, Config and End.
func (t Topics) State() string { return t.Prefix() + "state." }

// Ping is where agents say that they live.
func (t Topics) Ping() string { return t.State() + "ping" }

// Runtime is where agents tell how they are.
func (t Topics) Runtime() string { return t.State() + "runtime" }

// Config is where agents tell how they are configured.
func (t Topics) Config() string { return t.State() + "config" }

// End is where agents, or others in their name, say goodbye.
func (t Topics) End() string { return t.State() + "end" }

// Command is the prefix of the topics that agents listen to once they are onboarded.
func (t Topics) Command() string { return t.Prefix() + "command." }

// CommandPing is where a ping is asked for.
func (t Topics) CommandPing() string { return t.Command() + "ping" }

// CommandRuntime is where runtime information is asked for.
func (t Topics) CommandRuntime() string { return t.Command() + "runtime" }

// CommandConfig is where the full state is asked for.
func (t Topics) CommandConfig() string { return t.Command() + "config" }

// CommandOnboarding is where agents are told to onboard anew.
func (t Topics) CommandOnboarding() string { return t.Command() + "onboarding" }

// Query is where the watchdog is asked which microservices it observes.
func (t Topics) Query() string { return t.Prefix() + "query.services" }

// Reply is where it answers.
func (t Topics) Reply() string { return t.Prefix() + "reply.services" }
