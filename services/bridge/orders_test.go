package bridge

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"zmicroservices/services/bridge/subject"
	"zmicroservices/taskservice/message"
)

const stopAll = `{"header": {"action": "stop", "service_id": "context001", "service_name": "context", "service_transaction": "T", "of_mine": 1}, "content": {"more": true}}`

func TestOrder(t *testing.T) {
	frame, id, err := order("context", []byte(stopAll))
	if err != nil || id == "" || !strings.HasPrefix(string(frame), "context @@@ {") || !strings.Contains(string(frame), id) ||
		!strings.Contains(string(frame), "of_mine") || !strings.Contains(string(frame), `"more": true`) {
		t.Errorf("%s %q %v", frame, id, err)
	}
	process := `{"id": "ts001", "Task": {"message": {"header": {"action": "start", "service_id": "ts001", "service_name": "x", "transaction": "T"}}}}`
	if frame, id, err = order("process", []byte(process)); err != nil || id == "" || !strings.Contains(string(frame), id) {
		t.Errorf("%s %q %v", frame, id, err)
	}
	for topic, payload := range map[string]string{"context": "{}", "process": "[]", "state": "", "control": stopAll, "": stopAll} {
		if frame, _, err := order(topic, []byte(payload)); err == nil {
			t.Errorf("%s %s was taken as %s", topic, payload, frame)
		}
	}
}

// Whatever comes over NATS is refused, or a message of its topic with an id.
func FuzzOrder(f *testing.F) {
	f.Add("context", []byte(stopAll))
	f.Add("process", []byte(`{"Task": {"message": {"header": {"action": "", "service_id": "", "service_name": "", "transaction": ""}}}}`))
	f.Add("state", []byte(`{"header": {"action": "top", "service_id": "", "service_name": "", "service_transaction": ""}, "content": []}`))
	f.Fuzz(func(t *testing.T, topic string, payload []byte) {
		frame, id, err := order(topic, payload)
		if err != nil {
			return
		}
		got, back, err := message.Split(frame)
		if err != nil || got != topic || id == "" {
			t.Fatalf("%q %q %v", got, id, err)
		}
		if _, again, err := order(topic, back); err != nil || again != id {
			t.Errorf("%s: %q %v, its id was %q", back, again, err, id)
		}
		verdictOf(topic, payload)
	})
}

func TestVerdicts(t *testing.T) {
	w := newWaits()
	c, ok := w.open("r1")
	if _, again := w.open("r1"); !ok || again {
		t.Error("an id is waited for once")
	}
	for _, other := range []string{
		`{"header": {"request_id": "r2"}, "content": {"status": {"device_action": "command_result", "result": "success"}}}`,
		`{"header": {"request_id": "r1"}, "content": {"status": {"device_action": "shout", "result": "success"}}}`, `{}`, `x`,
	} {
		w.offer("control", []byte(other))
	}
	w.offer("state", []byte(`{"header": {"action": "reply_context", "request_id": "r1"}, "content": {}}`)) // its reason follows
	w.offer("state", []byte(`{"header": {"action": "request", "request_id": "r1"}, "content": {"x": 1}}`))
	w.offer("control", []byte(`{"header": {"request_id": "r1"}, "content": {"status": {"device_action": "command_result", "result": "failed", "reason": "why", "tasks": {"ts001": "that"}}}}`))
	w.offer("control", []byte(`{"header": {"request_id": "r1"}, "content": {"status": {"device_action": "command_result", "result": "success"}}}`))
	if v := <-c; v.Result != "failed" || v.Reason != "why" || v.Tasks["ts001"] != "that" || v.RequestID != "r1" {
		t.Errorf("%+v", v)
	}
	w.shut("r1")
	c, _ = w.open("r1")
	w.offer("state", []byte(`{"header": {"action": "reply_top", "request_id": "r1"}, "content": [1]}`))
	if v := <-c; v.Result != "success" || string(v.Content) != "[1]" {
		t.Errorf("%+v", v)
	}
}

// Questions are answered, or it is said why not; so is an answer that is too long.
func TestAnswers(t *testing.T) {
	server := startNATS(t, "max_payload: 2000")
	here := newDevice(t)
	sick := fakeSource{err: errors.New("the provider\nis ill")}
	startBridge(t, here.config(t, "a", object{"nats": object{"url": server.url()}}), fakeSource{}).up()
	startBridge(t, newDevice(t).config(t, "b", object{"nats": object{"url": server.url()}}), sick).up()
	nc := server.client()
	ask := func(host, question, body string) *nats.Msg {
		t.Helper()
		m, err := nc.Request(subject.Place{Host: host, Context: "context001"}.Ask(question), []byte(body), patience)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	if m := ask("a", "top", ""); string(m.Data) != `{"services":[]}` {
		t.Errorf("%s %v", m.Data, m.Header)
	}
	if m := ask("a", "state", "x"); !strings.Contains(m.Header.Get(HeaderError), "no JSON") {
		t.Errorf("%s %v", m.Data, m.Header)
	}
	if m := ask("b", "top", "{}"); m.Header.Get(HeaderError) != "the provider is ill" {
		t.Errorf("%s %v", m.Data, m.Header)
	}
	if m := ask("a", "state", `{"transaction": "long"}`); !strings.Contains(m.Header.Get(HeaderError), "max_payload") {
		t.Errorf("%s %v", m.Data, m.Header)
	}
	// Who is ill is there all the same.
	sub, err := nc.SubscribeSync(nc.NewRespInbox())
	if err != nil {
		t.Fatal(err)
	}
	if err := nc.PublishRequest(subject.Discover, sub.Subject, nil); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		m, err := sub.NextMsg(patience)
		if err != nil {
			t.Fatal(err)
		}
		var p Presence
		if err := json.Unmarshal(m.Data, &p); err != nil || p.Host == "b" && !strings.Contains(p.Error, "is ill") || p.Host == "a" && p.Error != "" {
			t.Errorf("%s %v", m.Data, err)
		}
	}
}
