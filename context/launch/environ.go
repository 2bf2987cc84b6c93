package launch

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"zmicroservices/conf"
	"zmicroservices/context/event"
)

// Vars is what a task service is told by its environment.
type Vars struct {
	Ref       event.Ref
	ContextID string
	Frontend  string         // endpoint to subscribe to
	Backend   string         // endpoint to publish to
	StateDir  string         // absolute; where the service may keep files
	Object    map[string]any // the task object, as on topic process

	Replica, Replicas int // which replica of its task service it is, from 1, and of how many

	Watch Watch
}

// Watch is what a task service is told for its agent, which the watchdog knows, and for
// its life cycle events.
type Watch struct {
	Original    bool          // nothing of that is to be on the bus
	Ordinal     int           // of the transaction among the live ones of its context, from 1
	Ping, Alive time.Duration // intervals of pings and of alive events
	Prefix      string        // of the watchdog's topics: "hippodamia"
}

// ConfigID is the configuration that a task service runs with, in the watchdog's words:
// the same for each of its processes, and no other's as long as they live.
func ConfigID(contextID string, task event.TaskID, ordinal int) string {
	id := contextID + "/" + string(task)
	if ordinal > 1 {
		id += "#" + strconv.Itoa(ordinal)
	}
	return id
}

// seconds is a time as programs of any language read it, and time.ParseDuration does.
func seconds(d time.Duration) string {
	return strconv.FormatFloat(d.Seconds(), 'f', -1, 64) + "s"
}

// Base is what all children inherit. It is made once: a service costs a copy of
// it and not a search.
type Base struct{ entries []string }

// NewBase makes the base of an environment: all of it but what was meant for us
// alone.
func NewBase(environ []string) Base { return Base{inherited(environ)} }

// Environ is the whole environment of a child: the base, then the ZMS_ variables,
// then the task's <env>.
// A name occurs once and the last value wins, because getenv(3) returns the
// first it finds. Entries of extra with a File are passed over: ReadEnv turns
// them into names and values.
func Environ(base Base, v Vars, extra []conf.Env) []string {
	env := make([]string, len(base.entries), len(base.entries)+15+len(extra))
	copy(env, base.entries)
	for _, pair := range [][2]string{
		{"ZMS_TASK", v.Ref.String()},
		{"ZMS_SERVICE_ID", string(v.Ref.Task)},
		{"ZMS_TRANSACTION", string(v.Ref.Transaction)},
		{"ZMS_CONTEXT_ID", v.ContextID},
		{"ZMS_FRONTEND", v.Frontend},
		{"ZMS_BACKEND", v.Backend},
		{"ZMS_CONFIG", config(v.Object)},
		{"ZMS_STATE_DIR", v.StateDir},
		{"ZMS_REPLICA", strconv.Itoa(max(1, v.Replica))},
		{"ZMS_REPLICAS", strconv.Itoa(max(1, v.Replicas))},
		{"ZMS_CONFIG_ID", ConfigID(v.ContextID, v.Ref.Task, v.Watch.Ordinal)},
		{"ZMS_PING_INTERVAL", seconds(v.Watch.Ping)},
		{"ZMS_ALIVE_INTERVAL", seconds(v.Watch.Alive)},
		{"ZMS_WATCH_PREFIX", v.Watch.Prefix},
	} {
		env = append(env, pair[0]+"="+pair[1])
	}
	if v.Watch.Original {
		env = append(env, "ZMS_WIRE=original")
	}
	for _, e := range extra {
		if e.Name != "" {
			env = set(env, e.Name, e.Value)
		}
	}
	return env
}

// CheckLength tells a variable that no process can be given: the kernel has room
// for 32 pages in each, with its name and a final NUL (execve(2)), and would only
// say that the argument list is too long.
func CheckLength(env []string) error {
	longest := 32*os.Getpagesize() - 1
	for _, entry := range env {
		name, _, _ := strings.Cut(entry, "=")
		switch {
		case len(entry) <= longest:
		case name == "ZMS_CONFIG":
			return fmt.Errorf("its task object has %d bytes, more than the %d that ZMS_CONFIG can hold: keep large values in a file and name that in <configuration>",
				len(entry), longest)
		default:
			return fmt.Errorf("environment variable %s has %d bytes, more than the %d that one can have", name, len(entry), longest)
		}
	}
	return nil
}

// inherited is base without variables that were meant for the provider alone,
// and without the cookie of the task that the provider may be itself. A child
// that got our NOTIFY_SOCKET would speak for us (sd_notify(3)), one that got
// LISTEN_FDS would take files that it does not have (sd_listen_fds(3)).
func inherited(base []string) []string {
	var env []string
	for _, entry := range base {
		name, value, found := strings.Cut(entry, "=")
		switch {
		case !found, name == "NOTIFY_SOCKET":
		case strings.HasPrefix(name, "LISTEN_"), strings.HasPrefix(name, "WATCHDOG_"), strings.HasPrefix(name, "ZMS_"):
		default:
			env = set(env, name, value)
		}
	}
	return env
}

// config is the task object as one line of JSON, "{}" if there is none.
func config(object map[string]any) string {
	if object == nil {
		return "{}"
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // a < in a value stays readable
	if err := enc.Encode(object); err != nil {
		// The object came out of XML or JSON; only a fault of ours puts a
		// function or a channel into it.
		panic("encode task object: " + err.Error())
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// set gives name a value, in the place it had.
func set(env []string, name, value string) []string {
	entry := name + "=" + value
	if i := slices.IndexFunc(env, func(e string) bool { return strings.HasPrefix(e, name+"=") }); i >= 0 {
		env[i] = entry
		return env
	}
	return append(env, entry)
}

// lookup finds a value in an environment; the first counts, as for getenv(3).
func lookup(env []string, name string) (string, bool) {
	for _, entry := range env {
		if value, found := strings.CutPrefix(entry, name+"="); found {
			return value, true
		}
	}
	return "", false
}
