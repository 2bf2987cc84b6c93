package bridge

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"zmicroservices/services/bridge/subject"
	"zmicroservices/taskservice"
)

// child is a bridge in a process of its own.
type child struct {
	cmd *exec.Cmd
	log *lines
}

func startChild(t *testing.T, c taskservice.Config) *child {
	t.Helper()
	task, err := json.Marshal(object{"instance": "Bridge", "Task": object{
		"message": object{"header": object{"service_name": "bridge"}, "content": object{"configuration": c.Values}},
		"state":   object{"type": "on_start"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	ch := &child{cmd: exec.Command(os.Args[0]), log: &lines{}}
	ch.cmd.Env = append(os.Environ(),
		"ZMS_TASK=T/ts_bridge/1", "ZMS_SERVICE_ID=ts_bridge", "ZMS_TRANSACTION=T", "ZMS_CONTEXT_ID=context001",
		"ZMS_FRONTEND="+c.Frontend, "ZMS_BACKEND="+c.Backend, "ZMS_CONFIG="+string(task), "ZMS_STATE_DIR="+c.StateDir)
	ch.cmd.Stderr = ch.log
	if err := ch.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ch.kill()
		if t.Failed() {
			t.Logf("bridge:\n%s", ch.log)
		}
	})
	until(t, "the bridge hears its bus", func() bool { return ch.log.has("bridge is open") })
	return ch
}

func (ch *child) kill() {
	_ = ch.cmd.Process.Kill()
	_ = ch.cmd.Wait()
}

// spooled are the events of ours in a bridge's file.
func spooled(t *testing.T, file string) int {
	t.Helper()
	return spooledLike(t, file, `"count"`)
}

func spooledLike(t *testing.T, file, text string) int {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+file+"?mode=ro&_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	n := 0
	if err := db.QueryRow("SELECT count(*) FROM spool WHERE subject LIKE '%control' AND instr(data, CAST(? AS BLOB)) > 0", text).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// A bridge is killed with a cable pulled and its spool full, and again while it empties
// it; what it had heard is in the stream once each, in order, under the time at which it
// was heard.
func TestKilledWithAPulledCable(t *testing.T) {
	server := startNATS(t, "")
	wire := newCable(t, server.address())
	here := newDevice(t)
	file := filepath.Join(t.TempDir(), "bridge.db")
	config := here.config(t, "a", object{"nats": object{"url": wire.url()}, "spool": object{"file": file}})
	teller := here.peer(t)
	const services, round = 5, 50
	n, began := 0, time.Now()
	tell := func() {
		for range round {
			n++
			for s := range services {
				publish(t, teller, report(s, n))
			}
		}
	}
	wire.pull()
	ch := startChild(t, config)
	tell()
	until(t, "all is in the file", func() bool { return spooled(t, file) == services*round })
	ch.kill()
	cut := time.Now()

	ch = startChild(t, config)
	tell()
	until(t, "all is in the file", func() bool { return spooled(t, file) == 2*services*round })
	wire.plug()
	nc := server.client()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	until(t, "it empties the file", func() bool {
		s, err := js.Stream(t.Context(), defaultStream)
		return err == nil && s.CachedInfo().State.Msgs > 20
	})
	ch.kill()

	startChild(t, config)
	tell()
	l := &ledger{t: t, next: map[string]int{}}
	until(t, "nothing waits any more", func() bool {
		s, err := js.Stream(t.Context(), defaultStream)
		return err == nil && s.CachedInfo().State.Msgs >= 3*services*round && spooled(t, file) == 0
	})
	for _, m := range stored(t, nc, 3*services*round) {
		at, err := time.Parse(time.RFC3339Nano, m.Headers().Get(HeaderTime))
		if err != nil || at.Before(began) {
			t.Fatalf("%v: %v", m.Headers(), err)
		}
		if !bytes.Contains(m.Data(), []byte(`"count"`)) { // the bridge's own
			continue
		}
		if _, k := counted(t, m.Data()); k <= round && at.After(cut) {
			t.Fatalf("event %d has the time %v of when it was sent, not of when it was told", k, at)
		}
		l.enter(m.Data())
	}
	if l.n != 3*services*round {
		t.Errorf("%d events are in the stream, %d were told", l.n, 3*services*round)
	}
}

// What a stream has twice, because it was sent again after the stream had forgotten its
// id, is repeated once.
func TestTwiceInAStream(t *testing.T) {
	server := startNATS(t, "")
	here := newDevice(t)
	startBridge(t, here.config(t, "b", object{
		"nats": object{"url": server.url()}, "remote": "", "stream": object{"duplicates": "100ms"},
	}), fakeSource{}).up()
	until(t, "it reads", func() bool { return readers(t, server) == 1 })
	ear := here.peer(t, "remote.")
	js, err := jetstream.New(server.client())
	if err != nil {
		t.Fatal(err)
	}
	place := subject.Place{Host: "a", Context: "context001"}
	s := &sender{js: js, place: place}
	letters := []*letter{}
	for i := range 3 {
		letters = append(letters, &letter{run: "run", seq: int64(i + 1), lane: "ts001", subject: place.Of("control"), at: time.Now(), data: fmt.Appendf(nil, `{"n": %d}`, i)})
	}
	send := func(l *letter) {
		t.Helper()
		if err := s.publish(t.Context(), l); err != nil {
			t.Fatal(err)
		}
	}
	send(letters[0])
	send(letters[1])
	until(t, "the stream has it twice", func() bool {
		send(letters[1])
		stream, err := js.Stream(t.Context(), defaultStream)
		if err != nil {
			return false
		}
		info, err := stream.Info(t.Context(), jetstream.WithSubjectFilter(place.Of("control")))
		return err == nil && info.State.Subjects[place.Of("control")] >= 3
	})
	send(letters[2])
	for i := range 3 {
		if frame := receive(t, ear); frame != fmt.Sprintf(`remote.a.context001.control @@@ {"n": %d}`, i) {
			t.Errorf("%d: %s", i, frame)
		}
	}
}

// Two streams are read each at its own pace: an event of a lane that comes by one is not
// taken for a second one because a later one came by the other.
func TestALaneInTwoStreams(t *testing.T) {
	server := startNATS(t, "")
	js, err := jetstream.New(server.client())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "CHORIA_EVENTS", Subjects: []string{subject.AllLifecycle}, MaxAge: time.Hour}); err != nil {
		t.Fatal(err)
	}
	here := newDevice(t)
	startBridge(t, here.config(t, "b", object{"nats": object{"url": server.url()}, "remote": ""}), fakeSource{}).up()
	until(t, "it reads both", func() bool {
		s, err := js.Stream(t.Context(), "CHORIA_EVENTS")
		return err == nil && s.CachedInfo().State.Consumers == 1 && readers(t, server) == 1
	})
	ear := here.peer(t, "remote.")
	place := subject.Place{Host: "a", Context: "context001"}
	s := &sender{js: js, place: place}
	for _, c := range []struct {
		l    *letter
		want string
	}{
		{&letter{run: "run", seq: 2, lane: "ts001", subject: subject.Lifecycle + "startup.Echo", at: time.Now(), data: []byte(`{}`)}, "remote.a.context001.choria.lifecycle.event.startup.Echo @@@ {}"},
		{&letter{run: "run", seq: 1, lane: "ts001", subject: place.Of("control"), at: time.Now(), data: []byte(`{}`)}, "remote.a.context001.control @@@ {}"},
	} {
		if err := s.publish(t.Context(), c.l); err != nil {
			t.Fatal(err)
		}
		if frame := receive(t, ear); frame != c.want {
			t.Errorf("%s, want %s", frame, c.want)
		}
	}
}

// A stream that somebody removes while the link is up is made anew by the next event, and
// read from its beginning on the other side.
func TestAStreamThatIsRemoved(t *testing.T) {
	server := startNATS(t, "")
	here, there := newDevice(t), newDevice(t)
	startBridge(t, here.config(t, "a", object{"nats": object{"url": server.url()}}), fakeSource{}).up()
	startBridge(t, there.config(t, "b", object{"nats": object{"url": server.url()}, "remote": object{"topics": "control"}}), fakeSource{}).up()
	until(t, "the other side reads", func() bool { return readers(t, server) == 1 })
	js, err := jetstream.New(server.client())
	if err != nil {
		t.Fatal(err)
	}
	if err := js.DeleteStream(t.Context(), defaultStream); err != nil {
		t.Fatal(err)
	}
	teller, listener := here.peer(t), there.peer(t, "remote.")
	l := &ledger{t: t, next: map[string]int{}}
	for n := 1; n <= 3; n++ {
		publish(t, teller, report(1, n))
	}
	for l.n < 3 {
		_, payload, _ := strings.Cut(receive(t, listener), " @@@ ")
		l.enter([]byte(payload))
	}
}

// A spool that is full drops its oldest, says so, and the rest goes out in order.
func TestAFullSpool(t *testing.T) {
	server := startNATS(t, "")
	wire := newCable(t, server.address())
	wire.pull()
	here := newDevice(t)
	c := here.config(t, "a", object{"nats": object{"url": wire.url()}, "spool": object{"rows": "50"}})
	r := startBridge(t, c, fakeSource{})
	until(t, "it hears", func() bool { return r.log.has("bridge is open") })
	teller := here.peer(t)
	for n := 1; n <= 200; n++ {
		publish(t, teller, report(1, n))
	}
	until(t, "it drops", func() bool { return r.log.has("spool is full") })
	file := filepath.Join(c.StateDir, "bridge.db")
	until(t, "the file has the last one", func() bool { return spooledLike(t, file, `"n": 200}`) == 1 })
	waits := spooled(t, file) // 50, but for what the bridge itself has said
	if waits < 40 || waits > 50 {
		t.Errorf("%d events wait", waits)
	}
	wire.plug()
	r.up()
	nc := server.client()
	until(t, "all have gone", func() bool { return r.log.has("spool has room again") && spooled(t, file) == 0 })
	last, got := 150, 0
	for _, m := range stored(t, nc, 40) {
		if !bytes.Contains(m.Data(), []byte(`"count"`)) {
			continue
		}
		if _, n := counted(t, m.Data()); n <= last {
			t.Fatalf("event %d came behind %d", n, last)
		} else {
			last = n
		}
		got++
	}
	if last != 200 || got < waits-1 { // the bridge's own word on the link may have pushed one out
		t.Errorf("%d events came, the last was %d", got, last)
	}
	m, err := nc.Request(subject.Discover, nil, patience)
	if err != nil {
		t.Fatal(err)
	}
	var p Presence
	if err := json.Unmarshal(m.Data, &p); err != nil || p.Dropped < 150 || p.Dropped > 170 || p.Spooled > 1 || p.Host != "a" || p.Version != "1.2.3" || p.Address != "127.0.0.1" {
		t.Errorf("%s %v", m.Data, err)
	}
}

// One file is one bridge's.
func TestTwoBridgesWithOneSpool(t *testing.T) {
	c := newDevice(t).config(t, "a", object{"nats": object{"url": "nats://127.0.0.1:1"}})
	r := startBridge(t, c, fakeSource{})
	until(t, "the first has it", func() bool { return r.log.has("bridge is open") })
	ctx, cancel := contextOf(t, 200*time.Millisecond)
	defer cancel()
	if _, err := openShelf(ctx, filepath.Join(c.StateDir, "bridge.db"), r.logger()); err == nil || !strings.Contains(err.Error(), "another bridge has it") {
		t.Errorf("the second: %v", err)
	}
}
