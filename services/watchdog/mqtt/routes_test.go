package mqtt

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"zmicroservices/taskservice/hippodamia"
)

func TestTopicsCross(t *testing.T) {
	r := newRoutes(hippodamia.Topics{})
	if len(r.bus) != subscriptions {
		t.Errorf("%d topics from the broker", len(r.bus))
	}
	for ours, theirs := range map[string]string{
		"hippodamia.contact":            "hippodamia/contact",
		"hippodamia.state.ping":         "hippodamia/state/ping",
		"hippodamia.state.end":          "hippodamia/state/end",
		"hippodamia.command.onboarding": "hippodamia/command/onboarding",
		"hippodamia.uuid.12-ab":         "hippodamia/uuid/12-ab",
	} {
		if got, _, ok := r.fromBus(ours); !ok || got != theirs {
			t.Errorf("%s: %s %v", ours, got, ok)
		}
		if got, _, ok := r.fromBroker(theirs); strings.Contains(theirs, "/uuid/") == ok || ok && got != ours {
			t.Errorf("%s: %s %v", theirs, got, ok)
		}
	}
	for _, topic := range []string{"", "context", "process", "hippodamia", "hippodamia.", "hippodamia.state", "hippodamia.state.pings", "hippodamia.query.services", "hippodamia.reply.services", "hippodamia.uuid.", "hippodamia.uuid.a.b", "hippodamia.uuid.a/b", "hippodamia.uuid.#", "hippodamia.uuid." + strings.Repeat("x", 200)} {
		if got, _, ok := r.fromBus(topic); ok {
			t.Errorf("%q crosses as %q", topic, got)
		}
	}
	for _, topic := range []string{"", "context", "hippodamia.contact", "hippodamia/state", "/hippodamia/contact", "hippodamia/contact/", "hippodamia//contact", "hippodamia/state.ping", "hippodamia/gateway/x", "hippodamia/query/services"} {
		if got, _, ok := r.fromBroker(topic); ok {
			t.Errorf("%q crosses as %q", topic, got)
		}
	}
	topics, err := hippodamia.NewTopics("plant7.east")
	if err != nil {
		t.Fatal(err)
	}
	if got, _, _ := newRoutes(topics).fromBus("plant7.east.state.end"); got != "plant7/east/state/end" {
		t.Error(got)
	}
}

func contact(topic, more string) string {
	return fmt.Sprintf(`{"uuid":"u1","topic":%q,"type":"modbus","name":"pump","host":"h","config_id":"c","version":"1","pid":7,"timestamp":"2026-11-21T10:00:00.5Z"%s}`, topic, more)
}

func TestTheTopicOfARequestIsTranslated(t *testing.T) {
	r := newRoutes(hippodamia.Topics{})
	for _, topic := range []string{"hippodamia/uuid/u1", "hippodamia.uuid.u1"} {
		in, ours, err := r.translate(kindContact, []byte(contact(topic, `,"extra":1`)), toBus)
		if err != nil || string(in) != contact("hippodamia.uuid.u1", "") || string(ours) != string(in) {
			t.Errorf("%s\n%s\n%v", in, ours, err)
		}
		out, same, err := r.translate(kindContact, []byte(contact(topic, "")), toBroker)
		if err != nil || string(out) != contact("hippodamia/uuid/u1", "") || string(same) != string(ours) {
			t.Errorf("%s\n%s\n%v", out, same, err)
		}
	}
}

func TestWhatIsMalformedIsNotTranslated(t *testing.T) {
	r := newRoutes(hippodamia.Topics{})
	for _, payload := range []string{"", " ", "[]", `"x"`, "{", `{"a":1} x`, "{\"a\":\"\xff\"}", "null", "7"} {
		if _, _, err := r.translate(kindState, []byte(payload), toBus); err == nil {
			t.Errorf("%q is passed", payload)
		}
	}
	for _, payload := range []string{
		"{}", contact("process", ""), contact("hippodamia.state.ping", ""), contact("hippodamia.uuid.", ""), contact("hippodamia/uuid/a/b", ""),
		contact("hippodamia/uuid/a", `,"Topic":"process"`), contact("hippodamia/uuid/a", `,"topic":"context"`), contact("hippodamia/uuid/a @@@ {}", ""),
	} {
		if out, _, err := r.translate(kindContact, []byte(payload), toBus); err == nil {
			t.Errorf("%s becomes %s", payload, out)
		}
	}
}

// FuzzTopics: nothing from the broker is anything but one of nine topics here, and what
// crosses comes back as it was.
func FuzzTopics(f *testing.F) {
	for _, topic := range []string{"hippodamia/contact", "hippodamia/state/ping", "hippodamia.uuid.1", "hippodamia/uuid/1", "a.b/contact", "context", "a/b/contact", "$SYS/x", "+/#"} {
		f.Add("hippodamia", topic)
		f.Add("a.b", topic)
	}
	f.Fuzz(func(t *testing.T, prefix, topic string) {
		topics, err := hippodamia.NewTopics(prefix)
		if err != nil {
			return
		}
		r := newRoutes(topics)
		if ours, _, ok := r.fromBroker(topic); ok {
			if !strings.HasPrefix(ours, topics.Prefix()) || strings.ContainsAny(ours, "/ ") {
				t.Fatalf("%q becomes %q", topic, ours)
			}
			if back, _, ok := r.fromBus(ours); !ok || back != topic {
				t.Fatalf("%q comes back as %q", topic, back)
			}
		}
		if theirs, _, ok := r.fromBus(topic); ok {
			if !strings.HasPrefix(theirs, r.prefix) || strings.ContainsAny(theirs, ".+# \x00") {
				t.Fatalf("%q becomes %q", topic, theirs)
			}
			if back, _, ok := r.fromBroker(theirs); ok && back != topic {
				t.Fatalf("%q comes back as %q", topic, back)
			}
		}
	})
}

// FuzzPayload: a request that crosses leads to an agent, however it is spelled, and is
// the same message on the way back.
func FuzzPayload(f *testing.F) {
	f.Add([]byte(contact("hippodamia/uuid/a", "")))
	f.Add([]byte(contact("hippodamia.uuid.a", `,"TOPIC":"process"`)))
	f.Add([]byte(`{"gid":"g"}`))
	r := newRoutes(hippodamia.Topics{})
	f.Fuzz(func(t *testing.T, payload []byte) {
		if out, _, err := r.translate(kindState, payload, toBus); err == nil && !json.Valid(out) {
			t.Fatalf("%q becomes %q", payload, out)
		}
		in, ours, err := r.translate(kindContact, payload, toBus)
		if err != nil {
			return
		}
		request, err := hippodamia.Parse[hippodamia.OnboardingRequest](in)
		if err != nil {
			t.Fatalf("%q becomes %q: %v", payload, in, err)
		}
		if uuid, ok := strings.CutPrefix(request.Topic, "hippodamia.uuid."); !ok || !aWord(uuid) {
			t.Fatalf("%q leads to %q", payload, request.Topic)
		}
		out, same, err := r.translate(kindContact, in, toBroker)
		if err != nil || string(same) != string(ours) {
			t.Fatalf("%q: %q is not %q (%v)", payload, same, ours, err)
		}
		if _, same, err = r.translate(kindContact, out, toBus); err != nil || string(same) != string(ours) {
			t.Fatalf("%q: %q is not %q (%v)", payload, same, ours, err)
		}
	})
}
