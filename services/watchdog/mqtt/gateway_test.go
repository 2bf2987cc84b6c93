package mqtt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"zmicroservices/services/watchdog/hub"
	"zmicroservices/taskservice/hippodamia"
	"zmicroservices/test/harness"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// scene is a broker, a bus, and a gateway between them.
type scene struct {
	t       *testing.T
	broker  *harness.Mosquitto
	gateway *Gateway
	bus     *hub.End // hears what is said below hippodamia.
	log     *safeBuffer
	stop    func() // ends the gateway, and waits for it
}

// begin starts the gateway and waits until it is connected.
func begin(t *testing.T, broker *harness.Mosquitto, o Options) *scene {
	t.Helper()
	h := hub.New()
	s := &scene{t: t, broker: broker, bus: h.Join(), log: new(safeBuffer)}
	if err := s.bus.Subscribe(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	if o.Broker.URL == "" {
		o.Broker.URL, o.Broker.QoS = broker.URL(), 1
	}
	if o.Bus == nil {
		o.Bus = h.Join()
	}
	o.Logger = slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	var err error
	if s.gateway, err = New(o); err != nil {
		t.Fatal(err)
	}
	s.stop = run(t, s.gateway)
	ctx, cancel := context.WithTimeout(t.Context(), harness.Patience)
	defer cancel()
	if err := s.gateway.Join(ctx); err != nil {
		t.Fatal(err)
	}
	return s
}

// run runs a gateway until the test or the function that it gives ends it.
func run(t *testing.T, g *Gateway) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	var once sync.Once
	ended := make(chan error, 1)
	go func() { ended <- g.Run(ctx) }() // ends with ctx
	stop = func() {
		once.Do(func() {
			cancel()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		})
	}
	t.Cleanup(stop)
	return stop
}

// safeBuffer is a log that is read while it is written.
type safeBuffer struct {
	mu sync.Mutex // guards b
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// say publishes on our bus.
func (s *scene) say(topic, payload string) {
	s.t.Helper()
	if err := s.bus.Publish(s.t.Context(), []byte(topic+" @@@ "+payload)); err != nil {
		s.t.Fatal(err)
	}
}

// hears receives from our bus until a frame has this in it, and gives all up to there.
func (s *scene) hears(text string) (all []string) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), harness.Patience)
	defer cancel()
	for {
		frame, err := s.bus.Receive(ctx)
		if err != nil {
			s.t.Fatalf("%q was not heard: %v; but\n%s\n%s", text, err, strings.Join(all, "\n"), s.log)
		}
		all = append(all, string(frame))
		if strings.Contains(string(frame), text) {
			return all
		}
	}
}

func count(all []string, text string) (n int) {
	for _, one := range all {
		if strings.Contains(one, text) {
			n++
		}
	}
	return n
}

func ping(mark string) string {
	return fmt.Sprintf(`{"gid":"g","uuid":%q,"seq":1,"timestamp":"2026-11-21T10:00:00Z"}`, mark)
}

func TestAMessageCrossesOnce(t *testing.T) {
	for _, qos := range []int{0, 1, 2} {
		t.Run(fmt.Sprintf("QoS %d", qos), func(t *testing.T) {
			broker := harness.StartMosquitto(t, nil, "allow_anonymous true")
			s := begin(t, broker, Options{Broker: Broker{URL: broker.URL(), QoS: qos}})
			there := broker.Sub("hippodamia/#")

			broker.Pub("hippodamia/state/ping", ping("theirs"))
			broker.Pub("hippodamia/command/ping", `{"request_id":"theirs","timestamp":"2026-11-21T10:00:00Z"}`)
			here := s.hears("request_id")
			if here[0] != "hippodamia.state.ping @@@ "+ping("theirs") || len(here) != 2 {
				t.Errorf("heard %q", here)
			}
			s.say("hippodamia.state.ping", ping("ours"))
			s.say("hippodamia.command.runtime", `{"request_id":"ours","timestamp":"2026-11-21T10:00:00Z"}`)
			s.say("hippodamia.uuid.7", `{"uuid":"7","gid":"g","timestamp":"2026-11-21T10:00:00Z"}`)
			if got := there.Until("hippodamia/uuid/7"); got != `hippodamia/uuid/7 0 {"uuid":"7","gid":"g","timestamp":"2026-11-21T10:00:00Z"}` {
				t.Error(got)
			}
			there.Until("command/runtime", "ours")

			// Whatever came back too often has been heard when what follows it is.
			broker.Pub("hippodamia/state/ping", ping("last of theirs"))
			here = append(here, s.hears("last of theirs")...)
			s.say("hippodamia.state.ping", ping("last of ours"))
			there.Until("last of ours")
			for _, mark := range []string{`"theirs","seq"`, `"request_id":"theirs"`, `"ours","seq"`, `"request_id":"ours"`, "hippodamia.uuid.7"} {
				if n := count(here, mark); n != 1 {
					t.Errorf("%s is %d times on the bus", mark, n)
				}
			}
			for _, mark := range []string{`"theirs","seq"`, `"request_id":"theirs"`, `"ours","seq"`, `"request_id":"ours"`, "hippodamia/uuid/7"} {
				if n := there.Count(mark); n != 1 {
					t.Errorf("%s is %d times on the broker", mark, n)
				}
			}
			s.stop()
			if f := s.gateway.Figures(); f.ToBus != 3 || f.ToBroker != 4 || f.Echoes < 3 || f.Connections != 1 || f.Connected {
				t.Errorf("%+v", f)
			}
		})
	}
}

func TestAnOnboardingCrosses(t *testing.T) {
	broker := harness.StartMosquitto(t, nil, "allow_anonymous true")
	s := begin(t, broker, Options{})
	there := broker.Sub("hippodamia/contact", "hippodamia/uuid/+")

	broker.Pub("hippodamia/contact", contact("hippodamia/uuid/u1", ""))
	if all := s.hears("pump"); all[0] != "hippodamia.contact @@@ "+contact("hippodamia.uuid.u1", "") {
		t.Error(all)
	}
	s.say("hippodamia.contact", strings.ReplaceAll(contact("hippodamia.uuid.u2", ""), "u1", "u2"))
	if got := there.Until("hippodamia/uuid/u2"); got != "hippodamia/contact 0 "+strings.ReplaceAll(contact("hippodamia/uuid/u2", ""), "u1", "u2") {
		t.Error(got)
	}
	// An answer of another watchdog there does not come here: ours answers.
	broker.Pub("hippodamia/uuid/u2", `{"uuid":"u2","gid":"other","timestamp":"2026-11-21T10:00:00Z"}`)
	broker.Pub("hippodamia/state/ping", ping("last"))
	if all := s.hears("last"); count(all, "other") != 0 {
		t.Error(all)
	}
	if there.Count("pump", "u2") != 1 {
		t.Error(there.All())
	}
}

func TestNothingElseCrosses(t *testing.T) {
	broker := harness.StartMosquitto(t, nil, "allow_anonymous true")
	broker.Pub("hippodamia/state/end", ping("kept"), "-r")
	s := begin(t, broker, Options{MaxPayload: 1000})
	there := broker.Sub("#")
	for _, topic := range []string{"context", "process", "state", "control", "hippodamia/query/services", "hippodamia/state.ping", "hippodamia/state/ping/more", "hippodamia.state.ping", "zms.will"} {
		broker.Pub(topic, ping("stray"))
	}
	for _, payload := range []string{"", "x", "[1]", "context @@@ {}", "{\"a\":\"\xff\"}"} {
		broker.Pub("hippodamia/state/ping", payload)
	}
	broker.Pub("hippodamia/contact", contact("process", ""))
	broker.Pub("hippodamia/state/ping", ping(strings.Repeat("x", 1000)))
	broker.Pub("hippodamia/state/ping", ping(strings.Repeat("x", 200_000))) // more than is read
	broker.Pub("hippodamia/state/ping", ping("good"))
	broker.Pub("hippodamia/state/ping", ping("good")) // QoS 1 may do that, too
	broker.Pub("hippodamia/state/ping", ping("last"))
	if all := s.hears("last"); len(all) != 2 || count(all, "good") != 1 {
		t.Errorf("%.300q", all)
	}
	for _, topic := range []string{"context", "hippodamia.query.services", "hippodamia.reply.services", "hippodamia.uuid.a.b", "hippodamia.state.ping.more", "zms.will"} {
		s.say(topic, ping("stray of ours"))
	}
	s.say("hippodamia.state.ping", "[]")
	s.say("hippodamia.state.ping", ping("last of ours"))
	there.Until("last of ours")
	if there.Count("stray of ours") != 0 || there.Count("[]") != 0 {
		t.Errorf("%.300q", there.All())
	}
	f := s.gateway.Figures()
	// An empty payload is malformed; as a message of mosquitto_pub -s it arrives.
	if f.Malformed != 7 || f.Oversized != 2 || f.Repeated != 1 || f.Retained != 1 || f.ToBus != 2 {
		t.Errorf("%+v", f)
	}
}

func TestTheStatusIsRetained(t *testing.T) {
	broker := harness.StartMosquitto(t, nil, "allow_anonymous true")
	topics, err := hippodamia.NewTopics("plant7")
	if err != nil {
		t.Fatal(err)
	}
	s := begin(t, broker, Options{Topics: topics, Name: "edge.7"})
	if got := broker.Sub("plant7/#").Until("plant7/gateway/edge-7"); !strings.Contains(got, ` 1 {"state":"online","timestamp":"`) {
		t.Error(got)
	}
	s.say("plant7.state.ping", ping("word")) // is still handed over
	there := broker.Sub("plant7/#")
	s.say("plant7.state.ping", ping("last word"))
	s.stop()
	there.Until("plant7/state/ping", "last word")
	there.Until("plant7/gateway/edge-7 0", `"offline","reason":"shutdown"`)
	broker.Sub("plant7/#").Until("plant7/gateway/edge-7 1", `"offline","reason":"shutdown"`)
}

func TestABrokerThatComesBackIsConnectedAgain(t *testing.T) {
	broker := harness.StartMosquitto(t, nil, "allow_anonymous true")
	s := begin(t, broker, Options{})
	for _, round := range []string{"1", "2"} {
		broker.Kill()
		s.until(func(f Figures) bool { return !f.Connected })
		s.say("hippodamia.state.ping", ping("meanwhile "+round))
		broker.Start()
		there := broker.Sub("hippodamia/#") // may come late for it: the gateway is quick
		s.until(func(f Figures) bool { return f.Connected })
		s.say("hippodamia.state.ping", ping("again "+round))
		there.Until("again " + round)
		broker.Pub("hippodamia/state/ping", ping("there "+round))
		if all := s.hears("there " + round); count(all, "again "+round) != 1 || count(all, "there "+round) != 1 {
			t.Error(all)
		}
	}
	if f := s.gateway.Figures(); f.Connections != 3 || f.ToBroker != 4 || f.DroppedToBroker != 0 {
		t.Errorf("%+v", f)
	}
}

// until waits for a figure.
func (s *scene) until(wanted func(Figures) bool) {
	s.t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(harness.Patience); !wanted(s.gateway.Figures()); <-tick.C {
		if time.Now().After(deadline) {
			s.t.Fatalf("%+v\n%s", s.gateway.Figures(), s.log)
		}
	}
}

func TestABrokerThatIsAwayDropsTheOldestOnly(t *testing.T) {
	broker := harness.StartMosquitto(t, nil, "allow_anonymous true")
	s := begin(t, broker, Options{Queue: 10})
	broker.Kill()
	s.until(func(f Figures) bool { return !f.Connected })
	for i := range 25 {
		s.say("hippodamia.state.ping", ping(fmt.Sprint("n", i)))
	}
	s.until(func(f Figures) bool { return f.DroppedToBroker == 15 })
	broker.Start()
	s.until(func(f Figures) bool { return f.ToBroker == 10 })
	s.say("hippodamia.state.ping", ping("on"))
	s.until(func(f Figures) bool { return f.ToBroker == 11 })
}

func TestASessionOfItsOwnKeepsWhatComesMeanwhile(t *testing.T) {
	broker := harness.StartMosquitto(t, nil, "allow_anonymous true")
	mine := Broker{URL: broker.URL(), QoS: 1, ClientID: "dog"}
	begin(t, broker, Options{Broker: mine}).stop()
	broker.Pub("hippodamia/state/end", ping("meanwhile"))
	s := begin(t, broker, Options{Broker: mine})
	s.hears("meanwhile")
}

func TestManyMessagesCrossInOrder(t *testing.T) {
	const each = 2000
	broker := harness.StartMosquitto(t, nil, "allow_anonymous true", "max_queued_messages 0", "max_inflight_messages 0")
	s := begin(t, broker, Options{})
	there := broker.Sub("hippodamia/state/ping")
	for i := range each {
		s.say("hippodamia.state.ping", ping(fmt.Sprint("<", i, ">")))
	}
	there.Until(fmt.Sprint("<", each-1, ">"))
	for i, got := range there.All() {
		if !strings.Contains(got, fmt.Sprint("<", i, ">")) {
			t.Fatalf("%d is %s", i, got)
		}
	}
	s.until(func(f Figures) bool { return f.ToBroker == each }) // confirmed
	if f := s.gateway.Figures(); f.DroppedToBroker+f.DroppedToBus != 0 {
		t.Errorf("%+v", f)
	}
}

func TestTwoGatewaysMakeNoCircle(t *testing.T) {
	broker := harness.StartMosquitto(t, nil, "allow_anonymous true")
	s := begin(t, broker, Options{Name: "one"})
	other, err := New(Options{Broker: Broker{URL: broker.URL(), QoS: 1}, Bus: s.also(), Name: "two"})
	if err != nil {
		t.Fatal(err)
	}
	run(t, other)
	ctx, cancel := context.WithTimeout(t.Context(), harness.Patience)
	defer cancel()
	if err := other.Join(ctx); err != nil {
		t.Fatal(err)
	}
	there := broker.Sub("hippodamia/#")
	for i := range 20 {
		s.say("hippodamia.state.ping", ping(fmt.Sprint("ours ", i)))
		broker.Pub("hippodamia/state/ping", ping(fmt.Sprint("theirs ", i)))
	}
	// Each may have carried each message once, and no more, for ever.
	s.hears("theirs 19")
	there.Until("ours 19")
	s.say("hippodamia.command.ping", `{"request_id":"last"}`)
	there.Until("last")
	broker.Pub("hippodamia/state/ping", ping("last of theirs"))
	s.hears("last of theirs")
	for i := range 20 {
		if n := there.Count(fmt.Sprintf(`"ours %d"`, i)); n > 2 {
			t.Errorf("%d times: ours %d", n, i)
		}
	}
}

// also is a further end of the scene's bus.
func (s *scene) also() *hub.End { return s.bus.Beside() }

func TestAStoppedBusEndsTheGateway(t *testing.T) {
	broker := harness.StartMosquitto(t, nil, "allow_anonymous true")
	g, err := New(Options{Broker: Broker{URL: broker.URL()}, Bus: closedBus{}})
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Run(t.Context()); !errors.Is(err, errClosed) {
		t.Error(err)
	}
}

var errClosed = errors.New("closed")

type closedBus struct{}

func (closedBus) Publish(context.Context, []byte) error   { return errClosed }
func (closedBus) Subscribe(context.Context, string) error { return nil }
func (closedBus) Receive(context.Context) ([]byte, error) { return nil, errClosed }
