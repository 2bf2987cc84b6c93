package monitor

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"zmicroservices/taskservice"
)

// What the settings may be.
const (
	defaultEvery  = time.Second
	shortestEvery = 100 * time.Millisecond
	longestEvery  = 24 * time.Hour
)

// settings are the <configuration>.
type settings struct {
	endpoint string
	insecure bool // may be bound beyond loopback
	query    Query
	idle     []string // elements that are there and do nothing
}

// settingsOf reads <publisher>, or <service> as the original's README calls it, and
// <monitor_options>. All mistakes are told at once.
func settingsOf(c taskservice.Config) (settings, error) {
	s := settings{query: Query{Transaction: c.Transaction, Every: defaultEvery}}
	var problems []error
	wrong := func(format string, a ...any) { problems = append(problems, fmt.Errorf(format, a...)) }

	name := "publisher"
	publisher := section(c, name)
	if publisher.Values == nil {
		if older := section(c, "service"); older.Values != nil {
			name, publisher = "service", older
		}
	}
	if s.endpoint = publisher.String("endpoint"); s.endpoint == "" {
		wrong("<publisher><endpoint> is missing: say where to publish, as in tcp://127.0.0.1:6558")
	}
	if kind := publisher.String("type"); kind != "" && kind != "pub" {
		wrong("<%s><type> %q: there is only pub", name, kind)
	}
	every, err := publisher.Duration("frequency_s", defaultEvery)
	switch {
	case err != nil:
		wrong("<%s><frequency_s>: %w", name, err)
	case every <= 0 || every > longestEvery:
		wrong("<%s><frequency_s> %v is no number of seconds above 0, and at most %v", name, every, longestEvery.Seconds())
	default:
		s.query.Every = max(every, shortestEvery)
	}
	if s.insecure, err = publisher.Bool("insecure", false); err != nil {
		wrong("<%s><insecure>: %w", name, err)
	}

	options := section(c, "monitor_options")
	known := map[string]*bool{
		"open_connections": &s.query.Connections, "opened_files": &s.query.OpenedFiles, "memory_maps": &s.query.MemoryMaps, "store_records": new(bool),
	}
	for _, key := range slices.Sorted(maps.Keys(options.Values)) {
		into := known[key]
		if into == nil {
			wrong("<monitor_options><%s> is none of memory_maps, open_connections, opened_files, store_records", key)
			continue
		}
		if *into, err = options.Bool(key, false); err != nil {
			wrong("<monitor_options><%s>: %w", key, err)
		}
	}
	if *known["store_records"] {
		s.idle = append(s.idle, "store_records")
	}
	if _, is := c.Values["db_connection"]; is {
		s.idle = append(s.idle, "db_connection")
	}
	for i, err := range problems { // one reason travels, on one line
		problems[i] = errors.New(strings.TrimPrefix(err.Error(), "configuration: "))
	}
	return s, errors.Join(problems...)
}

// section is an element of the configuration that has further elements.
func section(c taskservice.Config, key string) taskservice.Config {
	values, _ := c.Values[key].(map[string]any)
	return taskservice.Config{Values: values}
}
