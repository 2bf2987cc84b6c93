package taskservice

import (
	"cmp"
	"fmt"
	"time"

	"zmicroservices/taskservice/hippodamia"
	"zmicroservices/taskservice/lifecycle"
)

// Watch says what a task service tells the world of its life, beside its words: pings
// and more for a watchdog (package agent), life cycle events (package lifecycle). The
// zero value is what there is without configuration. Run does all of it by itself.
type Watch struct {
	// Original is for a bus that is to see nothing that the original did not say:
	// neither of the two.
	Original bool
	// ConfigID tells configurations apart: "context001/ts001"; empty: it is made of
	// the ids of context and task.
	ConfigID string
	// Ping is the time between two pings; 0: 60 s; below 0: no agent.
	Ping time.Duration
	// Alive is the time between two alive events; 0: an hour, as Choria has it; below
	// 0: there are none.
	Alive time.Duration
	// Topics are those of the watchdog.
	Topics hippodamia.Topics
}

// defaultAlive is Choria's.
const defaultAlive = time.Hour

func watchFrom(env map[string]string) (w Watch, err error) {
	w.Original = env[envWire] == "original"
	w.ConfigID = env[envConfigID]
	if w.Ping, err = interval(env, envPing); err != nil {
		return w, err
	}
	if w.Alive, err = interval(env, envAlive); err != nil {
		return w, err
	}
	if w.Topics, err = hippodamia.NewTopics(env[envWatchPrefix]); err != nil {
		return w, fmt.Errorf("%s: %w", envWatchPrefix, err)
	}
	return w, nil
}

// interval reads a length of time. None is the default, and zero is never.
func interval(env map[string]string, key string) (time.Duration, error) {
	if env[key] == "" {
		return 0, nil
	}
	d, err := parseDuration(env[key])
	switch {
	case err != nil:
		return 0, fmt.Errorf("%s: %w", key, err)
	case d <= 0:
		return -1, nil
	}
	return d, nil
}

// identity is who a task service is beyond hosts, for life cycle events.
func (c Config) identity(host string) string { return host + "/" + c.configID() }

func (c Config) configID() string {
	return cmp.Or(c.Watch.ConfigID, c.ContextID+"/"+c.TaskID)
}

// component is the kind of program.
func (c Config) component() string { return cmp.Or(c.Instance, c.ServiceName) }

// event makes a life cycle event about the service.
func (c Config) event(t lifecycle.Type, host string) (*lifecycle.Event, error) {
	return lifecycle.New(t, lifecycle.Identity(c.identity(host)), lifecycle.Component(c.component()), lifecycle.Version(c.version()))
}
