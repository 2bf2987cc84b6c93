package lifecycle_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"zmicroservices/taskservice/lifecycle"
)

// all are the options of every type.
var all = []lifecycle.Option{
	lifecycle.Identity("c1.example.net"), lifecycle.Component("server"),
	lifecycle.Version("0.6.0"), lifecycle.NewVersion("0.7.0"),
}

func TestANewEventIsOfNowAndHasAnIDOfItsOwn(t *testing.T) {
	seen := map[string]bool{}
	for _, kind := range lifecycle.Types() {
		before := time.Now().Truncate(time.Second)
		e, err := lifecycle.New(kind, all...)
		if err != nil {
			t.Fatal(err)
		}
		if e.TimeStamp().Before(before) || e.TimeStamp().After(time.Now()) {
			t.Errorf("%s is of %s", kind, e.TimeStamp())
		}
		id, err := uuid.Parse(e.ID())
		if err != nil || id.Version() != 4 || seen[e.ID()] {
			t.Errorf("%s has the id %q, version %d, seen before: %v", kind, e.ID(), id.Version(), seen[e.ID()])
		}
		seen[e.ID()] = true
		if e.Type() != kind || e.TypeString() != kind.String() || e.Identity() != "c1.example.net" || e.Component() != "server" {
			t.Errorf("%+v", e)
		}
		target, err := e.Target()
		if want := "choria.lifecycle.event." + kind.String() + ".server"; err != nil || target != want {
			t.Errorf("target %q, %v; want %q", target, err, want)
		}
	}
}

func TestARequiredOptionThatIsMissingIsNamed(t *testing.T) {
	for kind, want := range map[lifecycle.Type]string{
		lifecycle.Startup:     "new startup event: missing Identity(), Component(), Version()",
		lifecycle.Shutdown:    "new shutdown event: missing Identity(), Component()",
		lifecycle.Provisioned: "new provisioned event: missing Identity(), Component()",
		lifecycle.Alive:       "new alive event: missing Identity(), Component(), Version()",
		lifecycle.Upgraded:    "new upgraded event: missing Identity(), Component(), Version(), NewVersion()",
		0:                     "new event: unknown event type 0",
		99:                    "new event: unknown event type 99",
	} {
		if _, err := lifecycle.New(kind); err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
	_, err := lifecycle.New(lifecycle.Alive, lifecycle.Identity("i"), lifecycle.Version("1"), lifecycle.Component(""))
	if want := "new alive event: missing Component()"; err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

func TestAComponentIsPartOfATopic(t *testing.T) {
	for component, want := range map[string]bool{
		"server": true, "echo_action": true, "a.b": true, "größer": true, "x@y": true,
		"a b": false, "a@@@b": false, "a\nb": false, "a\x00": false, "\xff": false, "\u2028": false,
	} {
		_, err := lifecycle.New(lifecycle.Shutdown, lifecycle.Identity("i"), lifecycle.Component(component))
		if (err == nil) != want {
			t.Errorf("%q: %v", component, err)
		}
	}
}

func TestAnEventOnOneLine(t *testing.T) {
	for kind, want := range map[lifecycle.Type]string{
		lifecycle.Startup:     "[startup] c1.example.net: server version 0.6.0",
		lifecycle.Shutdown:    "[shutdown] c1.example.net: server",
		lifecycle.Provisioned: "[provisioned] c1.example.net: server",
		lifecycle.Alive:       "[alive] c1.example.net: server version 0.6.0",
		lifecycle.Upgraded:    "[upgraded] c1.example.net: server version 0.6.0 to 0.7.0",
	} {
		e, err := lifecycle.New(kind, all...)
		if err != nil || e.String() != want {
			t.Errorf("%s, %v; want %s", e, err, want)
		}
	}
}

func TestATypeHasOneWord(t *testing.T) {
	for _, kind := range lifecycle.Types() {
		if got, err := lifecycle.ParseType(kind.String()); got != kind || err != nil {
			t.Errorf("%s is %s, %v", kind, got, err)
		}
	}
	if got := strings.Join(lifecycle.TypeNames(), " "); got != "startup shutdown provisioned alive upgraded" {
		t.Error(got)
	}
	_, err := lifecycle.ParseType("Startup")
	if want := `unknown event type "Startup"; known are startup, shutdown, provisioned, alive, upgraded`; err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
	if got := lifecycle.Type(99).String(); got != "Type(99)" {
		t.Error(got)
	}
}

// wire is a connection that remembers, or fails.
type wire struct {
	topic string
	data  []byte
	fails error
}

func (w *wire) PublishRaw(topic string, data []byte) error {
	w.topic, w.data = topic, data
	return w.fails
}

func TestAnEventIsPublishedOnItsTarget(t *testing.T) {
	e, err := lifecycle.New(lifecycle.Shutdown, all...)
	if err != nil {
		t.Fatal(err)
	}
	var w wire
	if err := lifecycle.PublishEvent(e, &w); err != nil || w.topic != "choria.lifecycle.event.shutdown.server" {
		t.Errorf("%q, %v", w.topic, err)
	}
	if want, err := json.Marshal(e); err != nil || string(w.data) != string(want) {
		t.Errorf("%s, %v, want %s", w.data, err, want)
	}
	w.fails = errors.New("away")
	if err := lifecycle.PublishEvent(e, &w); !errors.Is(err, w.fails) || err.Error() != "publish shutdown event: away" {
		t.Error(err)
	}
	misread, err := lifecycle.NewFromJSON([]byte(`{"protocol":"io.choria.lifecycle.v1.shutdown","identity":"i","component":"a b"}`))
	if err != nil {
		t.Fatal(err)
	}
	if err := lifecycle.PublishEvent(misread, &w); err == nil || !strings.Contains(err.Error(), `component "a b" cannot be part of a topic`) {
		t.Error(err)
	}
}
