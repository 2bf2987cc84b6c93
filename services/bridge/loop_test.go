package bridge

import (
	"fmt"
	"strings"
	"testing"

	"zmicroservices/taskservice/message"
)

// Two bridges repeat all of each other's, commands included where they are mirrored; what
// was said once on one bus is there once on the other, and never back.
func TestLoops(t *testing.T) {
	server := startNATS(t, "")
	a, b := newDevice(t), newDevice(t)
	all := object{"topics": "control choria.lifecycle.event. context weather. remote."}
	values := func() object {
		return object{"nats": object{"url": server.url()}, "topics": all["topics"], "remote": all, "commands": "true"}
	}
	atA := startBridge(t, a.config(t, "a", values()), fakeSource{}).up()
	atB := startBridge(t, b.config(t, "b", values()), fakeSource{}).up()
	until(t, "both read", func() bool { return readers(t, server) == 2 })
	onA, onB := a.peer(t, ""), b.peer(t, "")
	nc := server.client()

	// A command from NATS appears on the bus of a, is answered by nobody here, and is not
	// mirrored, although context is.
	provider := a.peer(t, message.TopicContext)
	answered := make(chan error, 1)
	go func() { // ends with the answer
		m, err := nc.Request("zmicroservices.a.context001.command.context", []byte(`{"header": {"action": "start", "service_id": "context001", "service_name": "context", "service_transaction": "T"}, "content": {}}`), patience)
		if err == nil && !strings.Contains(string(m.Data), `"result":"success"`) {
			err = fmt.Errorf("%s", m.Data)
		}
		answered <- err
	}()
	_, payload, err := message.Split([]byte(receive(t, provider)))
	if err != nil {
		t.Fatal(err)
	}
	command, err := message.ParseCommand(payload)
	if err != nil || command.Header.RequestID == "" {
		t.Fatalf("%+v %v", command.Header, err)
	}
	result, err := message.Control{
		Header: message.Header{Action: "update", ServiceID: "context001", ServiceName: "context", Transaction: "T", RequestID: command.Header.RequestID},
		Status: map[string]any{"device_action": "command_result", "result": "success"},
	}.Frame()
	if err != nil {
		t.Fatal(err)
	}
	publish(t, onA, string(result))
	if err := <-answered; err != nil {
		t.Errorf("command: %v", err)
	}

	publish(t, onA, `weather.rain @@@ {"of": "a"}`)
	publish(t, onA, report(1, 1))
	publish(t, onA, `context @@@ {"told": "on a"}`)
	publish(t, onB, `weather.sun @@@ {"of": "b"}`)
	publish(t, onB, report(2, 1))
	// The last of each, behind which nothing of the above can be.
	publish(t, onA, `choria.lifecycle.event.alive.X @@@ {"identity": "end"}`)
	publish(t, onB, `choria.lifecycle.event.alive.X @@@ {"identity": "end"}`)
	want := map[string]map[string]int{
		"a": {"weather.rain": 1, "context": 2, "control": 2, "choria.lifecycle.event.alive.X": 1, "remote.b.context001.weather.sun": 1, "remote.b.context001.control": 1, "remote.b.context001.choria.lifecycle.event.alive.X": 1},
		"b": {"weather.sun": 1, "control": 1, "choria.lifecycle.event.alive.X": 1, "remote.a.context001.weather.rain": 1, "remote.a.context001.control": 2, "remote.a.context001.context": 1, "remote.a.context001.choria.lifecycle.event.alive.X": 1},
	}
	for host, on := range map[string]func() string{"a": func() string { return receive(t, onA) }, "b": func() string { return receive(t, onB) }} {
		seen := map[string]int{}
		for missing(want[host], seen) {
			topic, payload, err := message.Split([]byte(on()))
			if err != nil {
				t.Fatal(err)
			}
			if topic == message.TopicProcess || strings.Contains(string(payload), `"nats"`) { // of the bridges themselves
				continue
			}
			seen[topic]++
			if seen[topic] > want[host][topic] {
				t.Errorf("%s: %s was there for the %dth time: %s", host, topic, seen[topic], payload)
			}
		}
	}
	for _, r := range []*running{atA, atB} {
		if r.log.has("panic") {
			t.Error(r.log)
		}
	}
}

func missing(want, seen map[string]int) bool {
	for topic, n := range want {
		if seen[topic] < n {
			return true
		}
	}
	return false
}

func TestEchoes(t *testing.T) {
	e := newEchoes()
	for i := range 2 * mostEchoes {
		e.expect(fmt.Appendf(nil, "%d", i))
	}
	if len(e.count) > mostEchoes || len(e.order) > mostEchoes {
		t.Errorf("%d echoes are awaited", len(e.count))
	}
	if e.is([]byte("0")) || !e.is([]byte("2000")) || e.is([]byte("2000")) {
		t.Error("an echo is one once, while it is among the latest")
	}
}
