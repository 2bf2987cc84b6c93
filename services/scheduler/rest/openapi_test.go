package rest

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// parse is JSON as the validator wants it.
func parse(t *testing.T, text []byte) any {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return v
}

func TestTheDocumentIsOneOfOpenAPI(t *testing.T) {
	schema, err := os.ReadFile("testdata/openapi-3.1.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("openapi", parse(t, schema)); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("openapi")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Validate(parse(t, openapi)); err != nil {
		t.Error(err)
	}
	if s.Validate(parse(t, bytes.Replace(openapi, []byte(`"openapi": "3.1.0",`), nil, 1))) == nil {
		t.Error("a document without its version passes")
	}
}

// document gives the document's own schema of a name.
func document(t *testing.T, name string) *jsonschema.Schema {
	t.Helper()
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.AssertFormat()
	if err := c.AddResource("doc", parse(t, openapi)); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("doc#/components/schemas/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// accepts fails if an answer is not what the document says.
func accepts(t *testing.T, schema, answer string) {
	t.Helper()
	if err := document(t, schema).Validate(parse(t, []byte(answer))); err != nil {
		t.Errorf("%v\n%s", err, answer)
	}
}

func TestAnswersAreWhatTheDocumentSays(t *testing.T) {
	a := serve(t, nil)
	for i, c := range []struct{ method, path, body, schema string }{
		{"POST", "/sync", `{"uuid":"` + anID + `"}`, "Answer"},
		{"POST", "/sync", `{"uuid":"11111111-9dad-11d1-80b4-00c04fd430c8","ip":"127.0.0.1:1"}`, "Answer"},
		{"POST", "/ip", `{"uuid":"` + anID + `","ip":"127.0.0.1:8090"}`, "Noted"},
		{"GET", "/peers", "", "Peers"},
		{"GET", "/contexts", "", "Info"},
	} {
		response, text := a.ask(t, c.method, c.path, c.body)
		if response.StatusCode != 200 || response.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%d %s: %d %s", i, c.path, response.StatusCode, text)
		}
		accepts(t, c.schema, text)
		if c.body != "" {
			accepts(t, "Call", c.body)
		}
	}
	a.engine.Round(t.Context()) // both are known, and neither can be reached
	_, text := a.ask(t, "GET", "/peers", "")
	accepts(t, "Peers", text)
	if strings.Count(text, `"unavailable"`) != 2 {
		t.Error(text)
	}
	response, text := a.ask(t, "GET", "/openapi.json", "")
	if response.StatusCode != 200 {
		t.Error(text)
	}
	if document(t, "Answer").Validate(parse(t, []byte(`{"uuid":"x"}`))) == nil {
		t.Error("the document accepts anything")
	}
}
