package main

import (
	"strings"

	"github.com/spf13/cobra"

	"zmicroservices/taskservice/hippodamia"
)

func newPing(w world) *cobra.Command {
	return newDemand(w, demand{
		verb: "ping", short: "Ask microservices for a sign of life",
		long: "Ask the microservices that the watchdog observes for a ping, and tell how long each took.",
		example: `  conf_command ping conf/Context-Plant.xml
  conf_command ping conf/Context-Plant.xml pump 8398cfb3 --timeout 2s
  conf_command ping conf/Context-Plant.xml -o json | jq -r '.[] | select(.answered | not) | .name'`,
		topic: hippodamia.Topics.CommandPing,
		hears: func(t hippodamia.Topics) []string { return []string{t.Ping()} },
		read: func(r *roundup, topic string, payload []byte) (string, any) {
			return readOf(topic == r.topics.Ping(), payload, func(m hippodamia.Ping) string { return m.GID })
		},
		show: showPings,
	})
}

func newRuntime(w world) *cobra.Command {
	return newDemand(w, demand{
		verb: "runtime", short: "Ask microservices how they are",
		long: "Ask the microservices that the watchdog observes for their memory, CPU, age, and the\nwarnings and errors they have logged of late.",
		example: `  conf_command runtime conf/Context-Plant.xml
  conf_command runtime conf/Context-Plant.xml pump -o json | jq '.[].message.runtime.rss'`,
		topic: hippodamia.Topics.CommandRuntime,
		hears: func(t hippodamia.Topics) []string { return []string{t.Runtime()} },
		read: func(r *roundup, topic string, payload []byte) (string, any) {
			return readOf(topic == r.topics.Runtime(), payload, func(m hippodamia.Runtime) string { return m.GID })
		},
		show: showRuntimes,
	})
}

func newConfig(w world) *cobra.Command {
	return newDemand(w, demand{
		verb: "config", short: "Ask microservices how they are configured",
		long: "Ask the microservices that the watchdog observes for their configuration. Secrets are\nmasked by those that have them.",
		example: `  conf_command config conf/Context-Plant.xml pump
  conf_command config conf/Context-Plant.xml -o json | jq '.[] | {name, config: .message.config}'`,
		topic: hippodamia.Topics.CommandConfig,
		hears: func(t hippodamia.Topics) []string { return []string{t.Config()} },
		read: func(r *roundup, topic string, payload []byte) (string, any) {
			return readOf(topic == r.topics.Config(), payload, func(m hippodamia.Config) string { return m.GID })
		},
		show: showConfigs,
	})
}

func newOnboard(w world) *cobra.Command {
	return newDemand(w, demand{
		verb: "onboard", short: "Have microservices onboard anew",
		long: "Tell the microservices that the watchdog observes to onboard anew: each takes a new\nuuid, asks on the contact topic, and has the same gid as before. The watchdog then\nknows what it may have missed.",
		example: `  conf_command onboard conf/Context-Plant.xml
  conf_command onboard conf/Context-Plant.xml pump`,
		topic: hippodamia.Topics.CommandOnboarding,
		hears: func(t hippodamia.Topics) []string { return []string{t.Contact(), t.Individual(""), t.State()} },
		read:  readOnboarding,
		show:  showOnboardings,
	})
}

func readOf[M hippodamia.Message](ours bool, payload []byte, gid func(M) string) (string, any) {
	if !ours {
		return "", nil
	}
	m, err := hippodamia.Parse[M](payload)
	if err != nil {
		return "", nil // the watchdog keeps it as rejected
	}
	return gid(m), m
}

// readOnboarding follows a microservice from its request since ours to the response; or,
// where it had that sent to a topic that we do not know, to what it says next.
func readOnboarding(r *roundup, topic string, payload []byte) (string, any) {
	switch {
	case topic == r.topics.Contact():
		if m, err := hippodamia.Parse[hippodamia.OnboardingRequest](payload); err == nil {
			r.contact[m.UUID] = hippodamia.GID(m)
		}
	case strings.HasPrefix(topic, r.topics.Individual("")):
		if m, err := hippodamia.Parse[hippodamia.OnboardingResponse](payload); err == nil && r.contact[m.UUID] != "" {
			return m.GID, onboarded{m.UUID, m.GID}
		}
	case strings.HasPrefix(topic, r.topics.State()):
		if m, err := hippodamia.Parse[hippodamia.Ping](payload); err == nil && r.contact[m.UUID] != "" {
			return m.GID, onboarded{m.UUID, m.GID}
		}
	}
	return "", nil
}

// onboarded is the answer of one that has a new uuid.
type onboarded struct {
	UUID string `json:"uuid"`
	GID  string `json:"gid"`
}
