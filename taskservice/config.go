package taskservice

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"strconv"
	"strings"
	"time"
)

// Config is all that a task service knows at birth.
type Config struct {
	TaskID       string // the id of its TaskService element, "ts001"
	Transaction  string
	Incarnation  uint64 // counts the processes of this task, 0 if not told
	ContextID    string
	ServiceName  string // the name that messages address it by
	Instance     string // the name of its program
	DeviceAction string // copied into everything it says
	StateType    string // on_start and start_now run at once, any other waits
	Frontend     string // endpoint to subscribe at
	Backend      string // endpoint to publish at
	StateDir     string // where it may keep files; may be empty
	Curve        string // file of the key pair that proves who it is to the bus (package keys); may be empty
	NotifySocket string // where it may tell that it is ready; may be empty

	// What its agent and its life cycle events are made of, see Watch.
	Version string // of its program or configuration; "": what the program was built from
	Watch   Watch

	// Log is the Session's, for what a Factory makes. Run sets it; it is nil elsewhere.
	Log *slog.Logger

	// Values are the elements of <configuration>: strings, maps, and lists
	// where an element came more than once.
	Values map[string]any
	// Object is the whole task object, as it is in a `process` message.
	Object map[string]any
}

// String is a value as text, "" if there is none.
func (c Config) String(key string) string {
	switch v := c.Values[key].(type) {
	case string:
		return strings.TrimSpace(v)
	case json.Number:
		return v.String()
	case bool:
		return strconv.FormatBool(v)
	default:
		return ""
	}
}

// Int is a value as a whole number, or missing if it is absent or empty.
func (c Config) Int(key string, missing int) (int, error) {
	return parsed(c, key, missing, strconv.Atoi)
}

// Float is a value as a number, or missing if it is absent or empty.
func (c Config) Float(key string, missing float64) (float64, error) {
	return parsed(c, key, missing, func(s string) (float64, error) { return strconv.ParseFloat(s, 64) })
}

// Bool is a value as true or false, or missing if it is absent or empty. It
// knows true, yes, on and 1, and their opposites, in any case.
func (c Config) Bool(key string, missing bool) (bool, error) {
	return parsed(c, key, missing, parseBool)
}

// Duration is a value as a length of time ("250ms", "1m30s"; a bare number is
// seconds), or missing if it is absent or empty.
func (c Config) Duration(key string, missing time.Duration) (time.Duration, error) {
	return parsed(c, key, missing, parseDuration)
}

func parsed[T any](c Config, key string, missing T, parse func(string) (T, error)) (T, error) {
	switch c.Values[key].(type) {
	case map[string]any, []any:
		return missing, fmt.Errorf("configuration: %s holds further elements, not a value", key)
	}
	text := c.String(key)
	if text == "" {
		return missing, nil
	}
	v, err := parse(text)
	if err != nil {
		return missing, fmt.Errorf("configuration: %s: %w", key, err)
	}
	return v, nil
}

func parseBool(s string) (bool, error) {
	switch strings.ToLower(s) {
	case "true", "yes", "on", "1":
		return true, nil
	case "false", "no", "off", "0":
		return false, nil
	}
	return false, fmt.Errorf("%q is neither true nor false", s)
}

func parseDuration(s string) (time.Duration, error) {
	if seconds, err := strconv.ParseFloat(s, 64); err == nil {
		if d := seconds * float64(time.Second); math.Abs(d) < math.MaxInt64 { // NaN is not less
			return time.Duration(d), nil
		}
		return 0, fmt.Errorf("%q is no length of time", s)
	}
	return time.ParseDuration(s)
}

// request is the id of the command that the service was born for, if one asked
// with an id.
func (c Config) request() string {
	header := inner(inner(inner(c.Object, "Task"), "message"), "header")
	id, _ := header["request_id"].(string)
	return id
}

// startsAtOnce says whether the task runs without waiting for a start.
func (c Config) startsAtOnce() bool { return runsAtOnce(c.StateType) }

// runsAtOnce says whether a state type lets the task run without a further start.
func runsAtOnce(kind string) bool { return kind == "on_start" || kind == "start_now" }
