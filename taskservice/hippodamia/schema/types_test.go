package schema

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"zmicroservices/taskservice/agent"
	"zmicroservices/taskservice/hippodamia"
)

// object is a JSON object whose keys stay in their order.
type object []pair

type pair struct {
	key   string
	value any
}

func (o object) MarshalJSON() ([]byte, error) {
	var b strings.Builder
	b.WriteByte('{')
	for i, p := range o {
		if i > 0 {
			b.WriteByte(',')
		}
		key, err := json.Marshal(p.key)
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(p.value)
		if err != nil {
			return nil, err
		}
		b.Write(key)
		b.WriteByte(':')
		b.Write(value)
	}
	b.WriteByte('}')
	return []byte(b.String()), nil
}

// comments are what the source says of types ("Ping") and fields ("Ping.Seq").
func comments(t *testing.T) map[string]string {
	t.Helper()
	said := map[string]string{}
	for _, dir := range []string{"..", "../../agent"} {
		files, err := filepath.Glob(dir + "/*.go")
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range files {
			file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(file, func(n ast.Node) bool {
				decl, ok := n.(*ast.GenDecl)
				if !ok {
					return true
				}
				for _, spec := range decl.Specs {
					if of, ok := spec.(*ast.TypeSpec); ok {
						said[of.Name.Name] = line(decl.Doc)
						note(said, of)
					}
				}
				return true
			})
		}
	}
	return said
}

func note(said map[string]string, of *ast.TypeSpec) {
	body, ok := of.Type.(*ast.StructType)
	if !ok {
		return
	}
	for _, f := range body.Fields.List {
		for _, name := range f.Names {
			if said[of.Name.Name+"."+name.Name] = line(f.Comment); f.Comment == nil {
				said[of.Name.Name+"."+name.Name] = line(f.Doc)
			}
		}
	}
}

func line(c *ast.CommentGroup) string { return strings.Join(strings.Fields(c.Text()), " ") }

// maker makes schemas of types.
type maker struct{ said map[string]string }

var (
	timeType  = reflect.TypeFor[time.Time]()
	stateType = reflect.TypeFor[hippodamia.State]()
)

// needs says whether a key cannot be missing, by the keys that lead to it; nil: none is
// needed.
type needs func(keys ...string) bool

// below is the same for what lies below a key.
func (n needs) below(key string) needs {
	if n == nil {
		return nil
	}
	return func(keys ...string) bool { return n(append([]string{key}, keys...)...) }
}

// of is the schema of a type.
func (m maker) of(t reflect.Type, required needs) object {
	switch {
	case t == timeType:
		return object{{"type", "string"}, {"format", "date-time"}}
	case t == stateType:
		return object{{"type", "string"}, {"enum", hippodamia.States()}}
	}
	switch t.Kind() {
	case reflect.String:
		return object{{"type", "string"}}
	case reflect.Bool:
		return object{{"type", "boolean"}}
	case reflect.Int, reflect.Int64:
		return object{{"type", "integer"}}
	case reflect.Uint64:
		return object{{"type", "integer"}, {"minimum", 0}}
	case reflect.Float64:
		return object{{"type", "number"}}
	case reflect.Slice:
		return object{{"type", "array"}, {"items", m.of(t.Elem(), required)}}
	case reflect.Map:
		o := object{{"type", "object"}}
		if t.Elem().Kind() != reflect.Interface {
			o = append(o, pair{"additionalProperties", m.of(t.Elem(), nil)})
		}
		return o
	case reflect.Pointer: // null says something
		o := m.of(t.Elem(), nil)
		o[0].value = []string{"object", "null"}
		return o
	case reflect.Struct:
		return m.structure(t, required)
	}
	panic("no schema for " + t.String())
}

func (m maker) structure(t reflect.Type, required needs) object {
	o := object{{"type", "object"}}
	if said := m.said[t.Name()]; said != "" {
		o = append(o, pair{"description", said})
	}
	var needed []string
	properties := object{}
	for _, f := range reflect.VisibleFields(t) {
		key, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous || key == "" {
			continue
		}
		one := m.of(f.Type, required.below(key))
		if required != nil && required(key) {
			needed = append(needed, key)
			if one[0].value == "string" && len(one) == 1 {
				one = append(one, pair{"minLength", 1})
			}
		}
		if said := m.said[owner(t, f)+"."+f.Name]; said != "" {
			one = described(one, said)
		}
		properties = append(properties, pair{key, one})
	}
	if needed != nil {
		o = append(o, pair{"required", needed})
	}
	return append(o, pair{"properties", properties})
}

// described is a schema with a description, which is nearer than that of its type.
func described(o object, text string) object {
	for i := range o {
		if o[i].key == "description" {
			o[i].value = text
			return o
		}
	}
	return append(o, pair{"description", text})
}

// owner is the struct that declares a field: itself, or one embedded in it.
func owner(t reflect.Type, f reflect.StructField) string {
	for _, i := range f.Index[:len(f.Index)-1] {
		t = t.Field(i).Type
	}
	return t.Name()
}

// kind is one kind of message.
type kind struct {
	name   string // of its schema: "ping"
	full   any    // a message with everything in it
	parse  func([]byte) error
	goType reflect.Type
}

func kindOf[M hippodamia.Message](name string, full M) kind {
	return kind{name, full, func(payload []byte) error { _, err := hippodamia.Parse[M](payload); return err }, reflect.TypeFor[M]()}
}

var at = time.Date(2026, 11, 21, 10, 0, 0, 123456789, time.UTC)

// kinds are all messages.
func kinds() []kind {
	const gid, uuid, request = "8398cfb3-33c6-5ecf-9404-a962fe1250d8", "2f7c1a52-6a0e-4b0c-9a5e-5d2f1b9b7c11", "7d1c6a3e-8f43-4a43-b7c8-0f3a51f7a0d2"
	head := hippodamia.Ping{GID: gid, UUID: uuid, Seq: 3, Timestamp: at}
	end := hippodamia.End{Ping: hippodamia.Ping{GID: gid, UUID: uuid, Timestamp: at}, Reason: hippodamia.ReasonLastWill}
	return []kind{
		kindOf("onboarding-request", hippodamia.OnboardingRequest{
			UUID: uuid, Topic: "hippodamia.uuid." + uuid, GID: gid, Type: "modbus", Name: "pump", Host: "edge7",
			ConfigID: "context001/ts001", Version: "1.2.0", PID: 4711, Timestamp: at,
		}),
		kindOf("onboarding-response", hippodamia.OnboardingResponse{UUID: uuid, GID: gid, Timestamp: at}),
		kindOf("ping", head),
		kindOf("runtime", hippodamia.Runtime{Ping: head, Runtime: hippodamia.RuntimeInfo{
			PID: 4711, RSS: 12 << 20, CPUPercent: 0.5, CPUTime: 1.25, Uptime: 250.5, Threads: 7, FDs: 12, State: "started",
			Versions: map[string]string{"service": "1.2.0", "go": "go1.26"},
			Log:      []hippodamia.LogLine{{Time: at, Level: "WARN", Message: "water is low"}},
		}}),
		kindOf("config", hippodamia.Config{Ping: head, Config: map[string]any{"every": "1s", "password": "***"}}),
		kindOf("end", hippodamia.End{Ping: head, Reason: "stopped"}),
		kindOf("command", hippodamia.Command{GID: gid, RequestID: request, Timestamp: at}),
		kindOf("query", hippodamia.Query{RequestID: request, Timestamp: at}),
		kindOf("services", hippodamia.Services{RequestID: request, Timestamp: at, More: true, Services: []hippodamia.Service{{
			GID: gid, UUID: uuid, Type: "modbus", Name: "pump", Host: "edge7", ConfigID: "context001/ts001", Version: "1.2.0", PID: 4711,
			State: hippodamia.Terminated, FirstSeen: at, LastSeen: at, Onboardings: 2, Reason: "last-will",
		}}}),
		{"will", agent.Will{Topic: "hippodamia.state.end", GID: gid, Payload: &end}, parseWill, reflect.TypeFor[agent.Will]()},
	}
}

// parseWill is strict in what a forwarder needs.
func parseWill(payload []byte) error {
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(payload, &keys); err != nil {
		return err
	}
	for _, key := range []string{"topic", "payload"} {
		if keys[key] == nil {
			return &hippodamia.Error{Field: key, Reason: "is missing"}
		}
	}
	return json.Unmarshal(payload, &agent.Will{})
}

// schema is that of a kind: Parse is asked what it refuses to do without.
func (m maker) schema(k kind) object {
	return m.of(k.goType, func(keys ...string) bool {
		var message map[string]any
		if err := json.Unmarshal(must(json.Marshal(k.full)), &message); err != nil {
			panic(err)
		}
		remove(message, keys)
		var wrong *hippodamia.Error
		return errors.As(k.parse(must(json.Marshal(message))), &wrong)
	})
}

// remove takes what the keys lead to out of a message, in lists out of each.
func remove(v any, keys []string) {
	switch v := v.(type) {
	case []any:
		for _, one := range v {
			remove(one, keys)
		}
	case map[string]any:
		if len(keys) == 1 {
			delete(v, keys[0])
		} else {
			remove(v[keys[0]], keys[1:])
		}
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
