package bridge

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"zmicroservices/services/bridge/link"
	"zmicroservices/services/bridge/subject"
	"zmicroservices/taskservice"
	"zmicroservices/taskservice/message"
)

// settings are the <configuration>.
type settings struct {
	nats     link.Options
	place    subject.Place
	topics   topics // mirrored to NATS
	commands bool
	remote   remote
	spool    bounds
	stream   stream
	file     string // bridge.db
}

// remote is what of other hosts is repeated on our bus.
type remote struct {
	topics   topics
	hosts    []string // nil: all
	prefix   string
	envelope bool
}

// bounds are those of a spool.
type bounds struct {
	rows  int
	bytes int64
}

// stream is how the stream is made, if there is none.
type stream struct {
	name       string
	maxAge     time.Duration
	maxBytes   int64
	duplicates time.Duration
	replicas   int
}

// The defaults.
const (
	defaultPrefix     = "remote"
	defaultRows       = 200_000
	defaultBytes      = 128 << 20
	defaultStream     = "ZMS_EVENTS"
	defaultAge        = 7 * 24 * time.Hour
	defaultStreamSize = 256 << 20
	defaultDuplicates = 10 * time.Minute
)

// topics are exact ones; one that ends in a dot is all that begin so.
type topics []string

func (t topics) has(topic string) bool {
	return slices.ContainsFunc(t, func(one string) bool {
		return one == topic || strings.HasSuffix(one, ".") && strings.HasPrefix(topic, one)
	})
}

// defaultTopics are the events that are kept.
var defaultTopics = topics{message.TopicControl, subject.Lifecycle}

// settingsOf reads the configuration. All mistakes are told at once.
func settingsOf(c taskservice.Config) (settings, error) {
	r := reader{values: c.Values, at: "", known: []string{"nats", "host", "topics", "commands", "remote", "spool", "stream", "device_action", "version", "location", "entry_action"}}
	r.strangers()
	s := settings{
		place:    subject.Place{Host: c.String("host"), Context: c.ContextID},
		topics:   r.topics("topics", defaultTopics),
		commands: r.bool("commands"),
	}
	if s.place.Host == "" {
		host, err := os.Hostname()
		if err != nil {
			r.wrong("<host> is missing, and the system does not tell: %v", err)
		}
		s.place.Host = host
	}

	n := r.section("nats", "url", "creds_file", "nkey_file", "user_file", "ca_file", "cert_file", "key_file", "insecure")
	s.nats = link.Options{
		URLs: n.list("url"), CredsFile: n.text("creds_file"), NkeyFile: n.text("nkey_file"), UserFile: n.text("user_file"),
		CAFile: n.text("ca_file"), CertFile: n.text("cert_file"), KeyFile: n.text("key_file"), Insecure: n.bool("insecure"),
	}
	if err := s.nats.Validate(); err != nil {
		r.wrong("<nats>: %v", strings.ReplaceAll(err.Error(), "\n", "; "))
	}

	far := r.section("remote", "topics", "host", "prefix", "envelope")
	if far.values != nil {
		s.remote = remote{topics: far.topics("topics", defaultTopics), hosts: far.list("host"), prefix: far.text("prefix"), envelope: far.bool("envelope")}
	}
	if s.remote.prefix = strings.TrimSuffix(s.remote.prefix, "."); s.remote.prefix == "" {
		s.remote.prefix = defaultPrefix
	}
	if err := checkPrefix(s.remote.prefix); err != nil {
		r.wrong("<remote><prefix> %v", err)
	}

	store := r.section("spool", "rows", "size", "file")
	s.spool = bounds{rows: store.int("rows", defaultRows), bytes: store.size("size", defaultBytes)}
	s.file = store.text("file")
	if s.file == "" && c.StateDir != "" {
		s.file = filepath.Join(c.StateDir, "bridge.db")
	}
	switch {
	case s.file == "":
		r.wrong("<spool><file> is missing, and there is no state directory")
	case !filepath.IsAbs(s.file):
		r.wrong("<spool><file> %q is no absolute path", s.file)
	}

	st := r.section("stream", "name", "max_age", "max_size", "duplicates", "replicas")
	s.stream = stream{
		name: st.text("name"), maxAge: st.duration("max_age", defaultAge), maxBytes: st.size("max_size", defaultStreamSize),
		duplicates: st.duration("duplicates", defaultDuplicates), replicas: st.int("replicas", 1),
	}
	switch {
	case s.stream.name == "":
		s.stream.name = defaultStream
	case strings.ContainsAny(s.stream.name, " .*>/\\\t\r\n"):
		r.wrong("<stream><name> %q: NATS wants one without blanks, dots, stars and slashes", s.stream.name)
	}
	if s.stream.duplicates > s.stream.maxAge {
		r.wrong("<stream><duplicates> %v is more than <max_age> %v", s.stream.duplicates, s.stream.maxAge)
	}
	if s.place.Context == "" {
		r.wrong("the context has no id")
	}
	return s, errors.Join(r.all()...)
}

// checkPrefix keeps what other hosts say away from what is ours: a subscription is a
// prefix, so neither may begin the other.
func checkPrefix(prefix string) error {
	for part := range strings.SplitSeq(prefix, ".") {
		if part == "" || subject.Escape(part) != part {
			return fmt.Errorf("%q: wanted are words of letters, digits, - and _, with dots between", prefix)
		}
	}
	for _, own := range []string{
		message.TopicContext, message.TopicProcess, message.TopicControl, message.TopicState, message.TopicMonitor, "choria", "hippodamia", "zms",
	} {
		if strings.HasPrefix(prefix, own) {
			return fmt.Errorf("%q begins like the topic %s, whose subscribers would take it for that", prefix, own)
		}
	}
	return nil
}

// reader reads one element and gathers what is wrong.
type reader struct {
	values   map[string]any
	at       string // <nats>, before the name of an element
	known    []string
	problems []error
	inner    []*reader
}

func (r *reader) wrong(format string, a ...any) {
	r.problems = append(r.problems, fmt.Errorf(format, a...))
}

func (r *reader) all() []error {
	problems := r.problems
	for _, one := range r.inner {
		problems = append(problems, one.problems...)
	}
	return problems
}

// strangers are elements that nobody knows.
func (r *reader) strangers() {
	for _, key := range slices.Sorted(maps.Keys(r.values)) {
		if !slices.Contains(r.known, key) {
			r.wrong("%s<%s> is none of %s", r.at, key, strings.Join(r.known, ", "))
		}
	}
}

// section is an element with further elements; its values are nil if it is not there.
func (r *reader) section(name string, known ...string) *reader {
	s := &reader{at: r.at + "<" + name + ">", known: known}
	r.inner = append(r.inner, s)
	v, there := r.values[name]
	if !there {
		return s
	}
	values, ok := v.(map[string]any)
	if text, empty := v.(string); !ok && (!empty || strings.TrimSpace(text) != "") {
		r.wrong("%s has no elements; it has %s", s.at, strings.Join(known, ", "))
	}
	if values == nil {
		values = map[string]any{} // there, and empty
	}
	s.values = values
	s.strangers()
	return s
}

func (r *reader) config() taskservice.Config { return taskservice.Config{Values: r.values} }

func (r *reader) text(key string) string { return r.config().String(key) }

func (r *reader) bool(key string) bool {
	v, err := r.config().Bool(key, false)
	r.check(key, err)
	return v
}

// int is a number above 0.
func (r *reader) int(key string, missing int) int {
	v, err := r.config().Int(key, missing)
	if err == nil && v < 1 {
		err = fmt.Errorf("%d is less than 1", v)
	}
	r.check(key, err)
	return v
}

// duration is above 0.
func (r *reader) duration(key string, missing time.Duration) time.Duration {
	v, err := r.config().Duration(key, missing)
	if err == nil && v <= 0 {
		err = fmt.Errorf("%v is not above 0", v)
	}
	r.check(key, err)
	return v
}

var units = []struct {
	suffix string
	bytes  int64
}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"GB", 1e9}, {"MB", 1e6}, {"KB", 1e3}, {"B", 1}}

// size is a number of bytes: 128MiB, 64MB, 100000.
func (r *reader) size(key string, missing int64) int64 {
	text := r.text(key)
	if text == "" {
		return missing
	}
	factor := int64(1)
	for _, u := range units {
		if number, found := strings.CutSuffix(text, u.suffix); found {
			text, factor = strings.TrimSpace(number), u.bytes
			break
		}
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 1 || n > (1<<62)/factor {
		r.wrong("%s<%s> %q is no size: 128MiB, for example", r.at, key, r.text(key))
		return missing
	}
	return n * factor
}

// list are the values of an element that may come more than once, each with further
// values between blanks or commas.
func (r *reader) list(key string) []string {
	var texts []string
	switch v := r.values[key].(type) {
	case []any:
		for _, one := range v {
			text, ok := one.(string)
			if !ok {
				r.wrong("%s<%s> holds further elements, not a value", r.at, key)
				continue
			}
			texts = append(texts, text)
		}
	case map[string]any:
		r.wrong("%s<%s> holds further elements, not a value", r.at, key)
	default:
		texts = append(texts, r.text(key))
	}
	return strings.FieldsFunc(strings.Join(texts, " "), func(c rune) bool { return c == ' ' || c == ',' || c == '\n' || c == '\t' || c == '\r' })
}

func (r *reader) topics(key string, missing topics) topics {
	list := topics(r.list(key))
	if len(list) == 0 {
		return missing
	}
	for _, t := range list {
		if t == "." || strings.Contains(t, "@@@") {
			r.wrong("%s<%s> %q is no topic; one that ends in a dot is all that begin so", r.at, key, t)
		}
	}
	return list
}

func (r *reader) check(key string, err error) {
	if err != nil {
		r.wrong("%s<%s>: %s", r.at, key, strings.TrimPrefix(err.Error(), "configuration: "))
	}
}
