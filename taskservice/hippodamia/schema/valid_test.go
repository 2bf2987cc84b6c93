package schema

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"pgregory.net/rapid"
)

// value is JSON as the validator wants it.
func value(t testing.TB, text []byte) any {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return v
}

func compile(t testing.TB, file string) *jsonschema.Schema {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft7)
	c.AssertFormat()
	if err := c.AddResource("file:///it", value(t, text)); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("file:///it")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestTheDocumentIsOneOfAsyncAPI(t *testing.T) {
	s := compile(t, "testdata/asyncapi-3.0.0.json")
	if err := s.Validate(value(t, AsyncAPI)); err != nil {
		t.Errorf("%#v", err)
	}
	for _, wrong := range [][2]string{
		{`"asyncapi": "3.0.0"`, `"asyncapi": "9"`},
		{`"action": "send"`, `"action": "shout"`},
		{`"title": "Watchdog",`, ``},
		{`"address": "hippodamia.contact"`, `"address": 7`},
	} {
		text := strings.Replace(string(AsyncAPI), wrong[0], wrong[1], 1)
		if text == string(AsyncAPI) || s.Validate(value(t, []byte(text))) == nil {
			t.Errorf("with %s it is one, too", wrong[1])
		}
	}
}

// references are all "$ref" of a document.
func references(v any, found map[string]bool) {
	switch v := v.(type) {
	case map[string]any:
		if to, ok := v["$ref"].(string); ok {
			found[to] = true
		}
		for _, inner := range v {
			references(inner, found)
		}
	case []any:
		for _, inner := range v {
			references(inner, found)
		}
	}
}

func TestEveryReferenceLeadsSomewhereAndEveryMessageIsSaid(t *testing.T) {
	var doc map[string]any
	if err := json.Unmarshal(AsyncAPI, &doc); err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	references(doc, found)
	for to := range found {
		at := any(doc)
		for _, key := range strings.Split(strings.TrimPrefix(to, "#/"), "/") {
			inner, _ := at.(map[string]any)
			at = inner[key]
		}
		if at == nil {
			t.Errorf("%s leads nowhere", to)
		}
	}
	for _, k := range kinds() {
		if !found["#/components/messages/"+k.name] || !found["#/components/schemas/"+k.name] {
			t.Errorf("nobody says %s", k.name)
		}
	}
}

func TestEveryMessageIsAsItsSchemaSays(t *testing.T) {
	for _, k := range kinds() {
		t.Run(k.name, func(t *testing.T) {
			s := compile(t, "json/"+k.name+".json")
			text := must(json.Marshal(k.full))
			if err := s.Validate(value(t, text)); err != nil {
				t.Errorf("%#v", err)
			}
			if err := k.parse(text); err != nil {
				t.Error(err)
			}
			for _, wrong := range []string{`null`, `[]`, `"text"`, `{}`} {
				if s.Validate(value(t, []byte(wrong))) == nil || k.parse([]byte(wrong)) == nil {
					t.Errorf("%s is one, too", wrong)
				}
			}
		})
	}
}

// Whatever is missing, changed or added: the schema accepts what Parse does.
func TestSchemaAndParserAgree(t *testing.T) {
	for _, k := range kinds() {
		if k.name == "will" {
			continue // its parser is the forwarder's
		}
		t.Run(k.name, func(t *testing.T) {
			s := compile(t, "json/"+k.name+".json")
			rapid.Check(t, func(t *rapid.T) {
				var message map[string]any
				if err := json.Unmarshal(must(json.Marshal(k.full)), &message); err != nil {
					t.Fatal(err)
				}
				mutate(t, message)
				if list, ok := message["services"].([]any); ok && len(list) > 0 {
					if one, ok := list[0].(map[string]any); ok {
						mutate(t, one)
					}
				}
				text := must(json.Marshal(message))
				v, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
				if err != nil {
					t.Fatal(err)
				}
				valid, parsed := s.Validate(v), k.parse(text)
				if (valid == nil) != (parsed == nil) {
					t.Fatalf("%s: schema %v, parser %v", text, valid, parsed)
				}
			})
		})
	}
}

func mutate(t *rapid.T, message map[string]any) {
	for _, key := range rapid.SliceOfDistinct(rapid.SampledFrom(keys(message)), rapid.ID[string]).Draw(t, "keys") {
		switch rapid.IntRange(0, 2).Draw(t, "how") {
		case 0:
			delete(message, key)
		case 1:
			message[key] = rapid.SampledFrom([]any{"", "x", 7, -1.5, true, []any{}, []any{"x"}, map[string]any{}}).Draw(t, "value")
		default:
			message["more"] = key
		}
	}
}

func keys(m map[string]any) []string { return slices.Sorted(maps.Keys(m)) }
