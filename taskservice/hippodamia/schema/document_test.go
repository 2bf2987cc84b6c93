package schema

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"zmicroservices/taskservice/agent"
	"zmicroservices/taskservice/hippodamia"
)

var update = flag.Bool("update", false, "rewrite asyncapi.json, messages.md and the schemas")

// channel is a topic: what is said on it, and whether the watchdog says or hears it.
type channel struct {
	id, topic string
	kind      string
	says      string // send: the watchdog does; receive: others do
	summary   string
}

func channels() []channel {
	var t hippodamia.Topics
	return []channel{
		{"contact", t.Contact(), "onboarding-request", "receive", "An agent wants to be onboarded, for the first time or again."},
		{"uuid", t.Individual("{uuid}"), "onboarding-response", "send", "The answer, on the topic that the request named; the agent unsubscribes from it then."},
		{"statePing", t.Ping(), "ping", "receive", "A microservice lives. Said every 60 s, give or take a tenth, and when asked."},
		{"stateRuntime", t.Runtime(), "runtime", "receive", "How its process is. Said after onboarding, every ten pings, and when asked."},
		{"stateConfig", t.Config(), "config", "receive", "How it is configured, secrets masked. Said after onboarding, when that changes, and when asked."},
		{"stateEnd", t.End(), "end", "receive", "Goodbye: by the agent, or in its name by whoever saw its connection break or its process end."},
		{"commandPing", t.CommandPing(), "command", "send", "Asks one agent, or all, for a ping."},
		{"commandRuntime", t.CommandRuntime(), "command", "send", "Asks one agent, or all, for runtime information."},
		{"commandConfig", t.CommandConfig(), "command", "send", "Asks one agent, or all, for their configuration."},
		{"commandOnboarding", t.CommandOnboarding(), "command", "send", "Tells one agent, or all, to begin anew: with a new uuid, and the gid as it is."},
		{"queryServices", t.Query(), "query", "receive", "Somebody asks the watchdog for what it observes."},
		{"replyServices", t.Reply(), "services", "send", "The watchdog's answer, in one message or several."},
		{"will", agent.WillTopic, "will", "receive", "For the forwarder: what it is to publish should the connection of the author break; null withdraws it. Over MQTT the broker's own last will takes its place."},
	}
}

func document(m maker) object {
	ref := func(format string, args ...any) object {
		return object{{"$ref", "#/" + fmt.Sprintf(format, args...)}}
	}
	var addresses, operations, messages, schemas object
	for _, c := range channels() {
		one := object{{"address", c.topic}, {"description", c.summary}, {"messages", object{{c.kind, ref("components/messages/%s", c.kind)}}}}
		if strings.Contains(c.topic, "{uuid}") {
			one = append(one, pair{"parameters", object{{"uuid", object{{"description", "that of the request"}}}}})
		}
		addresses = append(addresses, pair{c.id, one})
		operations = append(operations, pair{c.id, object{
			{"action", c.says}, {"channel", ref("channels/%s", c.id)}, {"summary", c.summary},
			{"messages", []any{ref("channels/%s/messages/%s", c.id, c.kind)}},
		}})
	}
	for _, k := range kinds() {
		messages = append(messages, pair{k.name, object{
			{"name", k.name}, {"title", k.goType.Name()}, {"contentType", "application/json"},
			{"payload", ref("components/schemas/%s", k.name)}, {"examples", []any{object{{"payload", k.full}}}},
		}})
		schemas = append(schemas, pair{k.name, m.schema(k)})
	}
	return object{
		{"asyncapi", "3.0.0"},
		{"info", object{
			{"title", "Watchdog"}, {"version", "1.0.0"},
			{"description", "What the watchdog and its agents say to each other. Actions are those of the watchdog: it sends commands and receives states. " +
				"On the bus (ZMTP, PUB and SUB) a message is one frame, `topic @@@ {JSON}`; over MQTT topics have / for . and the payload is the JSON alone. " +
				"The prefix hippodamia. can be another one. Fields that a reader does not know are passed over."},
			{"license", object{{"name", "Apache-2.0"}, {"url", "https://www.apache.org/licenses/LICENSE-2.0"}}},
		}},
		{"defaultContentType", "application/json"},
		{"servers", object{
			{"bus", object{{"host", "127.0.0.1:5557"}, {"protocol", "zmtp"}, {"description", "A context's forwarder: subscribe at its FrontEndEndpoint, publish at its BackendEndpoint."}}},
			{"broker", object{{"host", "127.0.0.1:1883"}, {"protocol", "mqtt"}, {"description", "Any MQTT broker that the watchdog's gateway is connected to."}}},
		}},
		{"channels", addresses}, {"operations", operations},
		{"components", object{{"messages", messages}, {"schemas", schemas}}},
	}
}

// page is the document for people.
func page(m maker) string {
	var b strings.Builder
	b.WriteString("# Messages of the watchdog and its agents\n\nMade from the types of package hippodamia, as asyncapi.json and the schemas in json.\n\n")
	b.WriteString("| topic | message | who says it | |\n|---|---|---|---|\n")
	for _, c := range channels() {
		who := "the watchdog, or who asks in its place"
		if c.says == "receive" {
			who = "agents"
		}
		switch c.kind {
		case "onboarding-response", "services":
			who = "the watchdog"
		case "query":
			who = "anyone"
		}
		fmt.Fprintf(&b, "| `%s` | [%s](#%s) | %s | %s |\n", c.topic, c.kind, c.kind, who, c.summary)
	}
	for _, k := range kinds() {
		fmt.Fprintf(&b, "\n## %s\n\n", k.name)
		if said := m.said[k.goType.Name()]; said != "" {
			fmt.Fprintf(&b, "%s\n\n", said)
		}
		b.WriteString("| field | type | needed | |\n|---|---|---|---|\n")
		rows(&b, "", m.schema(k))
		fmt.Fprintf(&b, "\n```json\n%s\n```\n", must(json.Marshal(k.full)))
	}
	return b.String()
}

func rows(b *strings.Builder, prefix string, schema object) {
	get := func(o object, key string) any {
		for _, p := range o {
			if p.key == key {
				return p.value
			}
		}
		return nil
	}
	required, _ := get(schema, "required").([]string)
	properties, _ := get(schema, "properties").(object)
	for _, p := range properties {
		one := p.value.(object)
		kind := fmt.Sprint(get(one, "type"))
		if format := get(one, "format"); format != nil {
			kind = fmt.Sprint(format)
		}
		needed := ""
		for _, r := range required {
			if r == p.key {
				needed = "yes"
			}
		}
		said, _ := get(one, "description").(string)
		fmt.Fprintf(b, "| `%s%s` | %s | %s | %s |\n", prefix, p.key, kind, needed, said)
		rows(b, prefix+p.key+".", one)
		if items, ok := get(one, "items").(object); ok {
			rows(b, prefix+p.key+"[].", items)
		}
	}
}

// files are all that is made, by their names.
func files(t *testing.T) map[string][]byte {
	t.Helper()
	m := maker{comments(t)}
	indent := func(v any) []byte {
		var b bytes.Buffer
		if err := json.Indent(&b, must(json.Marshal(v)), "", "  "); err != nil {
			t.Fatal(err)
		}
		b.WriteByte('\n')
		return b.Bytes()
	}
	made := map[string][]byte{"asyncapi.json": indent(document(m)), "messages.md": []byte(page(m))}
	for _, k := range kinds() {
		schema := append(object{{"$schema", "http://json-schema.org/draft-07/schema#"}, {"title", k.name}}, m.schema(k)...)
		made[filepath.Join("json", k.name+".json")] = indent(schema)
	}
	return made
}

func TestTheFilesAreWhatTheTypesSay(t *testing.T) {
	made := files(t)
	for name, data := range made {
		if *update {
			if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(name, data, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(string(want), string(data)); d != "" {
			t.Errorf("%s (go generate rewrites it):\n%s", name, d)
		}
	}
	have, err := filepath.Glob("json/*")
	if err != nil || len(have) != len(kinds()) {
		t.Errorf("%d schemas of %d messages, %v", len(have), len(kinds()), err)
	}
}
