package mqtt

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"zmicroservices/taskservice"
)

// Setting is one element of the configuration, <mqtt_user>, and one flag, --mqtt_user.
type Setting struct {
	Name  string
	Usage string // one line; a word in back quotes names the value
	File  bool   // the value is the name of a file
	set   func(*Broker, string) error
}

// Settings are all of them; the first one is what makes a watchdog have a gateway.
func Settings() []Setting {
	text := func(field func(*Broker) *string) func(*Broker, string) error {
		return func(b *Broker, value string) error {
			*field(b) = value
			return nil
		}
	}
	return []Setting{
		{"mqtt", "the broker, as `URL`: mqtt://host[:1883] or mqtts://host[:8883]", false, text(func(b *Broker) *string { return &b.URL })},
		{"mqtt_user", "our `name` there", false, text(func(b *Broker) *string { return &b.User })},
		{"mqtt_password_file", "`file` whose first line is the password (else $" + PasswordVariable + ")", true, text(func(b *Broker) *string { return &b.PasswordFile })},
		{"mqtt_ca", "PEM `file` of who signs the broker's certificate (default: the system's)", true, text(func(b *Broker) *string { return &b.CA })},
		{"mqtt_cert", "PEM `file` of our certificate", true, text(func(b *Broker) *string { return &b.Cert })},
		{"mqtt_key", "PEM `file` of its key", true, text(func(b *Broker) *string { return &b.Key })},
		{"mqtt_qos", "`0|1|2`: quality of service (default 1)", false, func(b *Broker, value string) (err error) {
			if b.QoS, err = strconv.Atoi(value); err != nil {
				return fmt.Errorf("mqtt_qos %q: it is 0, 1 or 2", value)
			}
			return nil
		}},
		{"mqtt_client_id", "our `id` there, for which the broker keeps what comes while we are away (default: a new one each time)", false, text(func(b *Broker) *string { return &b.ClientID })},
		{"mqtt_keepalive", "the longest `time` of silence (default 30s)", false, func(b *Broker, value string) (err error) {
			if seconds, err := strconv.ParseUint(value, 10, 16); err == nil { // as Mosquitto has it
				b.KeepAlive = time.Duration(seconds) * time.Second
				return nil
			}
			if b.KeepAlive, err = time.ParseDuration(value); err != nil {
				return fmt.Errorf("mqtt_keepalive %q: it is a time, as 30s", value)
			}
			return nil
		}},
	}
}

// ParseSettings makes a Broker of values by their names, checked with the files they
// name. No "mqtt" among them, or an empty one, is nil: no gateway is wanted. All mistakes
// are told at once.
func ParseSettings(values map[string]string) (*Broker, error) {
	b := &Broker{QoS: DefaultQoS}
	var problems []error
	known := map[string]bool{}
	for _, s := range Settings() {
		known[s.Name] = true
		if value := values[s.Name]; value != "" {
			if err := s.set(b, value); err != nil {
				problems = append(problems, err)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		switch {
		case !known[name]:
			problems = append(problems, fmt.Errorf("%s is none of %s", name, strings.Join(Names(), ", ")))
		case b.URL == "" && values[name] != "":
			problems = append(problems, fmt.Errorf("%s without mqtt: say which broker", name))
		}
	}
	if len(problems) == 0 && b.URL != "" {
		if err := b.validate(); err != nil {
			problems = append(problems, err)
		}
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	if b.URL == "" {
		return nil, nil
	}
	return b, nil
}

// FromConfig makes a Broker of the elements of <configuration> that have these names.
// What other elements there are is for others to judge.
func FromConfig(c taskservice.Config) (*Broker, error) {
	values := map[string]string{}
	for _, name := range Names() {
		switch c.Values[name].(type) {
		case nil:
		case map[string]any, []any:
			return nil, fmt.Errorf("<%s> is to be one value", name)
		default:
			values[name] = c.String(name)
		}
	}
	return ParseSettings(values)
}

// Names are those of Settings.
func Names() []string {
	var all []string
	for _, s := range Settings() {
		all = append(all, s.Name)
	}
	return all
}
