package lifecycle_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"zmicroservices/taskservice/lifecycle"
)

// sample is the documented sample of a type, and the same in one line.
func sample(t testing.TB, kind lifecycle.Type) (pretty, compact []byte) {
	t.Helper()
	pretty, err := os.ReadFile(filepath.Join("testdata", "samples", kind.String()+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := json.Compact(&b, pretty); err != nil {
		t.Fatal(err)
	}
	return pretty, b.Bytes()
}

// old is a document with the protocol field of older releases.
func old(kind lifecycle.Type, document []byte) []byte {
	return bytes.Replace(document, []byte("io.choria.lifecycle.v1."+kind.String()), []byte("choria:lifecycle:"+kind.String()+":1"), 1)
}

// cloud is a document in a CloudEvent; member is data or data_base64.
func cloud(member string, document []byte) []byte {
	value := string(document)
	if member == "data_base64" {
		value = `"` + base64.StdEncoding.EncodeToString(document) + `"`
	}
	return fmt.Appendf(nil, `{"specversion":"1.0","id":"01e72410-d734-4611-9485-8c6a2dd2579b","source":"io.choria.lifecycle",`+
		`"type":"io.choria.lifecycle.v1.other","subject":"c1","time":"2018-08-24T10:36:13Z","datacontenttype":"application/json",%q:%s}`, member, value)
}

func TestTheSamplesComeBackByteForByte(t *testing.T) {
	for _, kind := range lifecycle.Types() {
		pretty, compact := sample(t, kind)
		for form, data := range map[string][]byte{
			"sample": pretty, "compact": compact, "old": old(kind, pretty),
			"CloudEvent": cloud("data", pretty), "CloudEvent in base64": cloud("data_base64", pretty),
			"CloudEvent of an old one": cloud("data", old(kind, compact)),
		} {
			e, err := lifecycle.NewFromJSON(data)
			if err != nil {
				t.Errorf("%s %s: %v", kind, form, err)
				continue
			}
			got, err := json.Marshal(e)
			if err != nil || !bytes.Equal(got, compact) {
				t.Errorf("%s %s: %v\n got %s\nwant %s", kind, form, err, got, compact)
			}
			if e.Type() != kind || e.Protocol() != "io.choria.lifecycle.v1."+kind.String() {
				t.Errorf("%s %s is %s, %s", kind, form, e.Type(), e.Protocol())
			}
		}
	}
}

func TestAnEventSaysWhatWasRead(t *testing.T) {
	pretty, _ := sample(t, lifecycle.Upgraded)
	e, err := lifecycle.NewFromJSON(pretty)
	if err != nil {
		t.Fatal(err)
	}
	if e.ID() != "01e72410-d734-4611-9485-8c6a2dd2579b" || e.Identity() != "c1.example.net" || e.Component() != "server" ||
		e.Version() != "0.6.0" || e.NewVersion() != "0.7.0" || !e.TimeStamp().Equal(time.Date(2018, 8, 27, 11, 32, 17, 0, time.UTC)) {
		t.Errorf("%+v", e)
	}
}

func TestWhatASenderLeftOutIsEmpty(t *testing.T) {
	e, err := lifecycle.NewFromJSON([]byte(`{"protocol":"io.choria.lifecycle.v1.startup","identity":"i","component":"c"}`))
	if err != nil || e.Version() != "" || e.ID() != "" || e.TimeStamp().Unix() != 0 {
		t.Errorf("%+v, %v", e, err)
	}
	e, err = lifecycle.NewFromJSON([]byte(`{"protocol":"io.choria.lifecycle.v1.shutdown","identity":"i","component":"c","version":"1","more":[{}]}`))
	if err != nil || e.Version() != "" {
		t.Errorf("a shutdown has no version: %+v, %v", e, err)
	}
}

func TestWhatIsNoEventIsRefusedWithAReason(t *testing.T) {
	for text, want := range map[string]string{
		``:                           "unexpected end of JSON input",
		`{`:                          "unexpected end of JSON input",
		`[]`:                         "cannot unmarshal array",
		`null`:                       "it has no protocol",
		`{}`:                         "it has no protocol",
		`{"protocol":1}`:             "cannot unmarshal number",
		`{"protocol":""}`:            `protocol "" is not of a life cycle event`,
		`{"protocol":"x"}`:           `protocol "x" is not of a life cycle event`,
		`{"protocol":"io.choria.x"}`: `protocol "io.choria.x" is not of a life cycle event`,
		`{"specversion":"0.3"}`:      `a CloudEvent of version "0.3"; 1.0 is read`,
		`{"specversion":"1.0"}`:      `a CloudEvent from ""; io.choria.lifecycle is read`,
		`{"specversion":"1.0","source":"io.choria.lifecycle"}`:                                          "a CloudEvent without data",
		`{"specversion":"1.0","source":"io.choria.lifecycle","data":7}`:                                 "cannot unmarshal number",
		`{"specversion":"1.0","source":"io.choria.lifecycle","data":{"specversion":"1.0"}}`:             `protocol "" is not`,
		`{"protocol":"io.choria.lifecycle.v2.startup"}`:                                                 `is not of a life cycle event`,
		`{"protocol":"io.choria.lifecycle.v1.governor"}`:                                                `unknown event type "governor"; known are startup`,
		`{"protocol":"choria:lifecycle:startup:2"}`:                                                     `is not of a life cycle event`,
		`{"protocol":"choria:lifecycle::1"}`:                                                            `unknown event type ""`,
		`{"protocol":"io.choria.lifecycle.v1.alive","component":"c"}`:                                   "alive event has no identity",
		`{"protocol":"io.choria.lifecycle.v1.alive","identity":"i"}`:                                    "alive event has no component",
		`{"protocol":"io.choria.lifecycle.v1.alive","identity":"i","component":"c","timestamp":"soon"}`: "cannot unmarshal string",
		`{"protocol":"io.choria.lifecycle.v1.alive","identity":"i","component":"c"} {}`:                 "after top-level value",
	} {
		e, err := lifecycle.NewFromJSON([]byte(text))
		if e != nil || err == nil || !strings.HasPrefix(err.Error(), "read life cycle event: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, %v; want %s", text, e, err, want)
		}
	}
}

// What is read can be written, and read again as the same.
func FuzzNewFromJSON(f *testing.F) {
	for _, kind := range lifecycle.Types() {
		pretty, compact := sample(f, kind)
		for _, data := range [][]byte{pretty, old(kind, compact), cloud("data", pretty), cloud("data_base64", compact)} {
			f.Add(data)
		}
	}
	f.Add([]byte(`{"protocol":"io.choria.lifecycle.v1.alive","identity":"<&>\u2028","component":"a b","version":"\ud800","timestamp":-1}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := lifecycle.NewFromJSON(data)
		if err != nil {
			if e != nil {
				t.Error("an event with an error")
			}
			return
		}
		once, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		again, err := lifecycle.NewFromJSON(once)
		if err != nil {
			t.Fatalf("%s: %v", once, err)
		}
		if *again != *e {
			t.Errorf("%s: %+v, %+v", once, again, e)
		}
		if topic, err := e.Target(); err == nil && (!strings.HasPrefix(topic, lifecycle.Prefix) || strings.ContainsAny(topic, " \n\x00")) {
			t.Errorf("topic %q", topic)
		}
		_ = e.String()
	})
}
