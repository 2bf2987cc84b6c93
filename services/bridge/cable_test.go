package bridge

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"zmicroservices/services/bridge/subject"
)

// report is the n-th word of a task service.
func report(service, n int) string {
	return fmt.Sprintf(`control @@@ {"header": {"action": "updated", "service_id": "ts%03d", "service_name": "s", "service_transaction": "T"}, "content": {"status": {"device_action": "count", "result": "success", "n": %d}}}`, service, n)
}

func counted(t *testing.T, payload []byte) (service string, n int) {
	t.Helper()
	var m struct {
		Header  struct{ Service_id string }
		Content struct{ Status struct{ N int } }
	}
	if err := json.Unmarshal(payload, &m); err != nil {
		t.Fatalf("%s: %v", payload, err)
	}
	return m.Header.Service_id, m.Content.Status.N
}

// ledger checks that each service's events come all, once and in order.
type ledger struct {
	t    *testing.T
	next map[string]int
	n    int
}

func (l *ledger) enter(payload []byte) {
	l.t.Helper()
	service, n := counted(l.t, payload)
	if n == 0 { // of the bridge itself
		return
	}
	if l.next[service]++; l.next[service] != n {
		l.t.Fatalf("%s: event %d came as the %dth", service, n, l.next[service])
	}
	l.n++
}

// A cable is pulled again and again while 1,000 events of ten services are told; on the
// other side none is missing or there twice, each service's are in order, and each has
// the time at which it was told. The server is killed and started again meanwhile, too.
func TestAPulledCable(t *testing.T) {
	server := startNATS(t, "")
	wire := newCable(t, server.address())
	here, there := newDevice(t), newDevice(t)
	near := startBridge(t, here.config(t, "a", object{"nats": object{"url": wire.url()}}), fakeSource{}).up()
	startBridge(t, there.config(t, "b", object{"nats": object{"url": server.url()}, "remote": object{"topics": "control", "envelope": "true"}}), fakeSource{}).up()
	until(t, "the other side reads", func() bool { return readers(t, server) == 1 })
	listener, teller := there.peer(t, "remote."), here.peer(t)

	const services, each = 10, 100
	said := map[string][]time.Time{}
	broken := 0
	for n := 1; n <= each; n++ {
		switch n { // told while all is well, then while it is not, then while it comes back
		case 20, 40, 60:
			near.rose(broken + 1)
			broken++
			wire.pull()
		case 80:
			near.rose(broken + 1)
			broken++
			server.kill()
		case 35, 55, 75:
			near.broke(broken)
			wire.plug()
		case 95:
			near.broke(broken)
			server.start()
		}
		for s := range services {
			said[fmt.Sprintf("ts%03d", s)] = append(said[fmt.Sprintf("ts%03d", s)], time.Now())
			publish(t, teller, report(s, n))
		}
	}
	l := &ledger{t: t, next: map[string]int{}}
	for l.n < services*each {
		frame := receive(t, listener)
		var e envelope
		const head = "remote.a.context001.control @@@ "
		if err := json.Unmarshal([]byte(frame[len(head):]), &e); err != nil || frame[:len(head)] != head {
			t.Fatalf("%s: %v", frame, err)
		}
		service, n := counted(t, e.Message)
		l.enter(e.Message)
		at, err := time.Parse(time.RFC3339Nano, e.At)
		if err != nil || e.Host != "a" || e.Context != "context001" || e.Topic != "control" {
			t.Fatalf("%+v: %v", e, err)
		}
		if n > 0 && at.Before(said[service][n-1]) {
			t.Fatalf("%s %d: told at %v, its time is %v", service, n, said[service][n-1], at)
		}
		if n > 0 && n < each && said[service][n].Add(5*time.Second).Before(at) {
			t.Fatalf("%s %d: its time %v is not that at which it was told, %v", service, n, at, said[service][n-1])
		}
	}
}

// readers are the consumers of the stream.
func readers(t *testing.T, server *natsServer) int {
	t.Helper()
	js, err := jetstream.New(server.client())
	if err != nil {
		t.Fatal(err)
	}
	s, err := js.Stream(t.Context(), defaultStream)
	if err != nil {
		return 0
	}
	return s.CachedInfo().State.Consumers
}

// stored are the events in the stream, oldest first.
func stored(t *testing.T, nc *nats.Conn, want int) []jetstream.Msg {
	t.Helper()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	var s jetstream.Stream
	until(t, fmt.Sprintf("%d events are stored", want), func() bool {
		if s, err = js.Stream(t.Context(), defaultStream); err != nil {
			return false
		}
		return int(s.CachedInfo().State.Msgs) >= want
	})
	c, err := s.OrderedConsumer(t.Context(), jetstream.OrderedConsumerConfig{})
	if err != nil {
		t.Fatal(err)
	}
	batch, err := c.Fetch(int(s.CachedInfo().State.Msgs), jetstream.FetchMaxWait(patience))
	if err != nil {
		t.Fatal(err)
	}
	var all []jetstream.Msg
	for m := range batch.Messages() {
		all = append(all, m)
	}
	return all
}

func TestSubjectsOfEvents(t *testing.T) {
	server := startNATS(t, "")
	here := newDevice(t)
	startBridge(t, here.config(t, "edge.example.net", object{"nats": object{"url": server.url()}, "topics": "control choria.lifecycle.event. weather"}), fakeSource{}).up()
	nc := server.client()
	weather, err := nc.SubscribeSync("zmicroservices.*.*.weather")
	if err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	teller := here.peer(t)
	const event = `{"protocol":"io.choria.lifecycle.v1.startup","id":"01e72410-d734-4611-9485-8c6a2dd2579b","identity":"edge/context001/ts001","version":"1","timestamp":1535369537,"component":"Echo"}`
	publish(t, teller, "choria.lifecycle.event.startup.Echo @@@ "+event)
	publish(t, teller, `weather @@@ {"rain": true}`)
	publish(t, teller, `weathered @@@ {}`)
	publish(t, teller, `remote.b.context001.control @@@ {}`)
	m, err := weather.NextMsg(patience)
	if err != nil {
		t.Fatal(err)
	}
	if place, topic, err := subject.Parse(m.Subject); err != nil || place.Host != "edge.example.net" || topic != "weather" || string(m.Data) != `{"rain": true}` || m.Header.Get(HeaderTime) == "" {
		t.Errorf("%s %s %v %v", m.Subject, m.Data, m.Header, err)
	}
	found := false
	until(t, "the event is stored", func() bool {
		for _, m := range stored(t, nc, 1) {
			if m.Subject() == "choria.lifecycle.event.startup.Echo" {
				found = true
				if string(m.Data()) != event || m.Headers().Get(HeaderOrigin) != "edge%2Eexample%2Enet.context001" || m.Headers().Get(HeaderLane) != "ts001" {
					t.Errorf("%s %v", m.Data(), m.Headers())
				}
			}
		}
		return found
	})
}
