package scheduler

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"zmicroservices/services/scheduler/engine"
	"zmicroservices/services/scheduler/peer"
	"zmicroservices/services/scheduler/registry"
	"zmicroservices/services/scheduler/rest"
	"zmicroservices/taskservice"
)

// Settings are what a file or flags say. A zero value stands for its default.
type Settings struct {
	Interval   time.Duration `json:"interval"`
	Jitter     time.Duration `json:"jitter"`
	Timeout    time.Duration `json:"timeout"`
	Listen     string        `json:"listen"`
	Peers      []string      `json:"peer"`
	Producers  []string      `json:"producer"`
	MostPeers  int           `json:"max_peers"`
	Store      string        `json:"store"`
	Prefix     string        `json:"redis_prefix"`
	ForceIP    string        `json:"force_ip"`
	SecretFile string        `json:"secret_file"`
	Cert       string        `json:"cert"`
	Key        string        `json:"key"`
	CA         string        `json:"ca"`
	PlainHTTP  bool          `json:"plain_http"`
}

// Defaults.
const (
	DefaultInterval = time.Minute
	DefaultListen   = "127.0.0.1:8090"
	DefaultMost     = 1000
	// NoListen is a Listen that serves nothing: another program is the API, and shares
	// the store.
	NoListen = "none"
	// StoreFile is the store in a task service's state directory.
	StoreFile = "scheduler.db"
)

// names are the elements of <configuration> that mean something; the last ones are of
// every task.
var names = []string{
	"interval", "jitter", "timeout", "listen", "peer", "producer", "max_peers", "store", "redis_prefix", "force_ip",
	"secret_file", "cert", "key", "ca", "plain_http", "device_action", "location", "entry_action", "version",
}

// SettingsOf reads a configuration. unknown are elements that mean nothing to it.
func SettingsOf(c taskservice.Config) (s Settings, unknown []string, err error) {
	if err := c.Decode(&s); err != nil {
		return s, nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(c.Values)) {
		if !slices.Contains(names, name) {
			unknown = append(unknown, name)
		}
	}
	if s.Store == "" && c.StateDir != "" {
		s.Store = filepath.Join(c.StateDir, StoreFile)
	}
	return s, unknown, nil
}

// plan is Settings, read.
type plan struct {
	Settings
	first     []peer.Address
	producers []peer.Address
	force     peer.Address
}

// plan fills in defaults and reads what is text. All mistakes are told at once.
func (s Settings) plan() (plan, error) {
	p := plan{Settings: s}
	if p.Interval == 0 {
		p.Interval = DefaultInterval
	}
	if p.Listen == "" {
		p.Listen = DefaultListen
	}
	if p.Store == "" {
		p.Store = registry.InMemory
	}
	if p.MostPeers == 0 {
		p.MostPeers = DefaultMost
	}
	var problems []error
	wrong := func(format string, a ...any) { problems = append(problems, fmt.Errorf(format, a...)) }
	addresses := func(name string, texts []string) (all []peer.Address) {
		for _, text := range texts {
			at, err := peer.ParseAddress(strings.TrimSpace(text))
			if err != nil {
				wrong("%s: %w", name, err)
			}
			all = append(all, at)
		}
		slices.Sort(all)
		return slices.Compact(all)
	}
	p.first, p.producers = addresses("peer", s.Peers), addresses("producer", s.Producers)
	if s.ForceIP != "" {
		if at := addresses("force_ip", []string{s.ForceIP}); len(at) > 0 {
			p.force = at[0]
		}
	}
	if p.Interval < engine.ShortestInterval || p.Interval > engine.LongestInterval {
		wrong("interval %v: it is from %v to %v", p.Interval, engine.ShortestInterval, engine.LongestInterval)
	} else if p.Jitter < 0 || p.Jitter > p.Interval/2 {
		wrong("jitter %v: it is from 0 to half the interval, %v", p.Jitter, p.Interval/2)
	}
	if p.Timeout < 0 || p.Timeout > engine.LongestInterval {
		wrong("timeout %v: it is above 0", p.Timeout)
	}
	if p.MostPeers < 1 || p.MostPeers > 100_000 {
		wrong("max_peers %d: it is from 1 to 100000", p.MostPeers)
	}
	if err := registry.Check(p.Store); err != nil {
		problems = append(problems, err)
	}
	given := 0
	for _, file := range []string{s.Cert, s.Key, s.CA} {
		if file != "" {
			given++
		}
	}
	if given != 0 && given != 3 {
		wrong("cert, key and ca belong together: a certificate, its key, and the authority of the peers'")
	}
	if p.Listen != NoListen {
		beyond, err := rest.Beyond(p.Listen)
		if err != nil {
			problems = append(problems, err)
		} else if beyond && s.SecretFile == "" && given < 3 && !s.PlainHTTP {
			wrong("listen %s: %w", p.Listen, rest.ErrBeyond)
		}
	}
	return p, errors.Join(problems...)
}

// Check says everything that is wrong with the settings, by the names of flags and
// elements.
func (s Settings) Check() error {
	_, err := s.plan()
	return err
}
