package watchdog

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/agnivade/levenshtein"

	"zmicroservices/taskservice"
	"zmicroservices/taskservice/hippodamia"
)

// Settings are a <configuration>, or the flags of a watchdog that stands alone.
type Settings struct {
	Topics        hippodamia.Topics
	Rules         Rules
	Database      string // a path, or the URL of a PostgreSQL database
	Alive         time.Duration
	RetentionAge  time.Duration // below 0: for ever
	RetentionRows int           // below 0: any number
	RetentionSize int64         // bytes; below 0: any number
}

// DatabaseFile is the database when none is named. A path that is not absolute begins in
// the state directory.
const DatabaseFile = "watchdog.db"

// elements are those that a <configuration> may have. The first four are of
// every task.
var elements = []string{
	"device_action", "location", "entry_action", "version",
	"prefix", "ping_interval", "inactive_after", "terminated_after", "end_after", "alive_interval", "type",
	"database", "retention_age", "retention_rows", "retention_size",
}

// ofType are those of a <type>.
var ofType = []string{"name", "ping_interval", "inactive_after", "terminated_after", "end_after"}

// ParseSettings reads a <configuration>. getenv tells what the provider says to every
// child (ZMS_PING_INTERVAL, ZMS_ALIVE_INTERVAL, ZMS_WATCH_PREFIX): what an element does
// not say is as the agents beside us have it. further are elements that somebody else
// reads. All mistakes are told at once.
func ParseSettings(c taskservice.Config, getenv func(string) string, further ...string) (Settings, error) {
	r := settingsReader{config: c}
	r.only("configuration", c.Values, append(slices.Clone(elements), further...))
	s := Settings{Rules: DefaultRules(), Database: c.String("database")}
	around := taskservice.Config{Values: map[string]any{ // read as elements are
		"ZMS_PING_INTERVAL": getenv("ZMS_PING_INTERVAL"), "ZMS_ALIVE_INTERVAL": getenv("ZMS_ALIVE_INTERVAL"),
	}}
	ping, err := around.Duration("ZMS_PING_INTERVAL", 0)
	r.note(err)
	if ping > 0 { // 0: task services do not ping, but others may
		s.Rules.Interval = ping
	}
	s.Alive, err = around.Duration("ZMS_ALIVE_INTERVAL", time.Hour)
	r.note(err)
	if s.Alive <= 0 {
		s.Alive = -1
	}
	s.Alive = r.duration(c, "alive_interval", s.Alive)
	s.Topics, err = hippodamia.NewTopics(cmp.Or(c.String("prefix"), getenv("ZMS_WATCH_PREFIX")))
	r.note(err)
	s.Rules.Rule = r.rule(c, s.Rules.Rule)
	s.Rules.Types = r.types(s.Rules.Rule)
	s.RetentionAge = r.duration(c, "retention_age", 0)
	s.RetentionRows, err = c.Int("retention_rows", 0)
	r.note(err)
	if text := c.String("retention_size"); text != "" {
		if s.RetentionSize, err = ParseSize(text); err != nil {
			r.note(fmt.Errorf("retention_size: %w", err))
		}
	}
	if s.Database = cmp.Or(s.Database, DatabaseFile); !strings.Contains(s.Database, "://") && !filepath.IsAbs(s.Database) {
		s.Database = filepath.Join(c.StateDir, s.Database)
	}
	if len(r.problems) == 0 {
		r.note(s.Rules.validate())
	}
	for i, err := range r.problems { // one reason travels, on one line
		r.problems[i] = errors.New(strings.TrimPrefix(err.Error(), "configuration: "))
	}
	return s, errors.Join(r.problems...)
}

// settingsReader collects what is wrong.
type settingsReader struct {
	config   taskservice.Config
	problems []error
}

func (r *settingsReader) note(err error) {
	if err != nil {
		r.problems = append(r.problems, err)
	}
}

// only tells what is not among the known elements, and which is the nearest.
func (r *settingsReader) only(in string, values map[string]any, known []string) {
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if slices.Contains(known, name) {
			continue
		}
		nearest := slices.MinFunc(known, func(a, b string) int {
			return cmp.Compare(levenshtein.ComputeDistance(name, a), levenshtein.ComputeDistance(name, b))
		})
		r.note(fmt.Errorf("<%s> has no element <%s>: did you mean <%s>?", in, name, nearest))
	}
}

func (r *settingsReader) duration(c taskservice.Config, key string, missing time.Duration) time.Duration {
	d, err := c.Duration(key, missing)
	r.note(err)
	return d
}

func (r *settingsReader) after(c taskservice.Config, key string, missing After) After {
	text := c.String(key)
	if text == "" {
		return missing
	}
	a, err := ParseAfter(text)
	if err != nil {
		r.note(fmt.Errorf("%s: %w", key, err))
	}
	return a
}

func (r *settingsReader) rule(c taskservice.Config, missing Rule) Rule {
	return Rule{
		Interval:   r.duration(c, "ping_interval", missing.Interval),
		Inactive:   r.after(c, "inactive_after", missing.Inactive),
		Terminated: r.after(c, "terminated_after", missing.Terminated),
		End:        r.duration(c, "end_after", missing.End),
	}
}

// types reads <type name="modbus">…</type>, any number of them; the name may be an element
// as well. What one does not say is as for all.
func (r *settingsReader) types(all Rule) map[string]Rule {
	var list []any
	switch v := r.config.Values["type"].(type) {
	case nil:
		return nil
	case []any:
		list = v
	default:
		list = []any{v}
	}
	types := map[string]Rule{}
	for _, one := range list {
		values, _ := one.(map[string]any)
		c := taskservice.Config{Values: values}
		name := c.String("name")
		switch {
		case name == "":
			r.note(errors.New("<type> has no <name>: say which type it is about"))
			continue
		case types[name] != Rule{}:
			r.note(fmt.Errorf("<type> %s is there twice", name))
		}
		r.only("type", values, ofType)
		types[name] = r.rule(c, all)
	}
	return types
}
