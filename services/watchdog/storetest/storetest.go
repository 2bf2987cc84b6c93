// Package storetest holds what every watchdog.Store must do, as tests that its package runs.
//
//	func TestItIsAStore(t *testing.T) {
//		storetest.Conform(t, func(t *testing.T) func() watchdog.Store {
//			path := filepath.Join(t.TempDir(), "watchdog.db")
//			return func() watchdog.Store { … opens path, each time it is called … }
//		})
//	}
package storetest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"zmicroservices/services/watchdog"
	"zmicroservices/taskservice/hippodamia"
)

// patience is what a test waits for one thing on a busy machine.
const patience = time.Minute

// Conform runs the tests. fresh gives what opens a database that is empty at first; it is
// opened again after it was closed.
func Conform(t *testing.T, fresh func(t *testing.T) (open func() watchdog.Store)) {
	for name, test := range map[string]func(*testing.T, func() watchdog.Store){
		"what is durable comes back":          comesBack,
		"the latest row counts":               latestRow,
		"messages come back byte by byte":     bytesComeBack,
		"the latest are given, oldest first":  inOrder,
		"retention removes what is too much":  retention,
		"retention bounds what messages take": large,
		"closing writes what waits":           closing,
		"an end of Run leaves it to Close":    ending,
	} {
		t.Run(name, func(t *testing.T) { test(t, fresh(t)) })
	}
}

// Running opens a store and runs it until stop is called, which closes it.
func Running(t *testing.T, open func() watchdog.Store) (s watchdog.Store, stop func()) {
	t.Helper()
	s = open()
	ended := make(chan error, 1) // Run's end
	go func() { ended <- s.Run(context.Background()) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		if err := s.Close(context.Background()); err != nil {
			t.Errorf("close store: %v", err)
		}
		if err := <-ended; err != nil {
			t.Errorf("run store: %v", err)
		}
	}
	t.Cleanup(stop)
	Settle(t, s) // Run has begun
	return s, stop
}

// Settle waits until all that was appended is durable.
func Settle(t *testing.T, s watchdog.Store) {
	t.Helper()
	reply := make(chan error, 1) // one answer
	s.Durable(func(err error) { reply <- err })
	select {
	case err := <-reply:
		if err != nil {
			t.Fatalf("durable: %v", err)
		}
	case <-time.After(patience):
		t.Fatal("nothing became durable")
	}
}

// At is a moment of the tests, n seconds after another; to the microsecond, as Store promises.
func At(n int) time.Time {
	return time.Date(2026, 11, 21, 10, 0, 0, 123_456_000, time.UTC).Add(time.Duration(n) * time.Second)
}

// Pump is one microservice of some kind; n makes it one of many.
func Pump(n int) watchdog.Microservice {
	m := watchdog.Microservice{
		Service: hippodamia.Service{
			UUID: fmt.Sprintf("u%d", n), Type: "modbus", Name: "pump ü", Host: "edge7", ConfigID: fmt.Sprint("c/ts", n), Version: "1.2",
			PID: 4711, State: hippodamia.Onboarding, FirstSeen: At(n), LastSeen: At(n + 1), Onboardings: 3, Reason: "it's \"so\"",
		},
		Since: At(n), Before: "before", Seq: 1<<63 - 1, Missed: 2, Interval: 90 * time.Second, Away: true,
	}
	m.GID = hippodamia.GID(hippodamia.OnboardingRequest{Type: m.Type, Name: m.Name, Host: m.Host, ConfigID: m.ConfigID})
	return m
}

func load(t *testing.T, s watchdog.Store) []watchdog.Microservice {
	t.Helper()
	all, err := s.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func messages(t *testing.T, s watchdog.Store, gid string, limit int) []watchdog.Message {
	t.Helper()
	all, err := s.Messages(t.Context(), gid, limit)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func changes(t *testing.T, s watchdog.Store, gid string, limit int) []watchdog.Change {
	t.Helper()
	all, err := s.Changes(t.Context(), gid, limit)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func equal(t *testing.T, want, got any) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func comesBack(t *testing.T, open func() watchdog.Store) {
	s, stop := Running(t, open)
	if all := load(t, s); len(all) > 0 {
		t.Fatalf("an empty store has %v", all)
	}
	one, other := Pump(1), Pump(2)
	said := watchdog.Message{At: At(1), Topic: "hippodamia.contact", GID: one.GID, UUID: one.UUID, Payload: []byte(`{"uuid":"u1"}`), Size: 13}
	wrong := watchdog.Message{At: At(2), Topic: "hippodamia.state.ping", Rejected: "not JSON: what's this", Payload: []byte(`{`), Size: 1 << 20}
	step := watchdog.Change{At: At(1), GID: one.GID, UUID: one.UUID, From: hippodamia.Initialize, To: hippodamia.Onboarding, Input: watchdog.Stored, Reason: "because"}
	s.Append(watchdog.Entry{Message: &said, Change: &step, After: &one})
	s.Append(watchdog.Entry{Message: &wrong})
	s.Append(watchdog.Entry{After: &other})
	Settle(t, s)
	for range 2 { // as it is, and after a restart
		equal(t, []watchdog.Microservice{one, other}, load(t, s))
		equal(t, []watchdog.Message{said, wrong}, messages(t, s, "", 10))
		equal(t, []watchdog.Message{said}, messages(t, s, one.GID, 10))
		equal(t, []watchdog.Change{step}, changes(t, s, "", 10))
		equal(t, 0, len(changes(t, s, other.GID, 10)))
		stop()
		s, stop = Running(t, open)
	}
}

func latestRow(t *testing.T, open func() watchdog.Store) {
	s, _ := Running(t, open)
	var last watchdog.Microservice
	for n := range 500 {
		row := Pump(1) // the store's from Append on
		row.Seq, row.LastSeen, row.State = uint64(n), At(n), hippodamia.Active
		row.FirstSeen = At(0)
		last = row
		s.Append(watchdog.Entry{After: &row})
	}
	Settle(t, s)
	equal(t, []watchdog.Microservice{last}, load(t, s))
}

func bytesComeBack(t *testing.T, open func() watchdog.Store) {
	s, _ := Running(t, open)
	var want []watchdog.Message
	for n, payload := range []string{"", "{}", "ü € 😀", "\x00", "a\x00b", "\xff\xfe", "'; DROP TABLE messages; --", string(make([]byte, watchdog.MaxPayload))} {
		m := watchdog.Message{At: At(n), Topic: "hippodamia.state.ping", Payload: []byte(payload), Size: len(payload)}
		want = append(want, m)
		s.Append(watchdog.Entry{Message: &m})
	}
	Settle(t, s)
	got := messages(t, s, "", 100)
	for i := range got {
		if got[i].Payload == nil { // nothing is nothing
			got[i].Payload = []byte{}
		}
	}
	equal(t, want, got)
}

func inOrder(t *testing.T, open func() watchdog.Store) {
	s, _ := Running(t, open)
	one := Pump(1)
	for n := range 1000 {
		s.Append(watchdog.Entry{
			Message: &watchdog.Message{At: At(n), GID: one.GID, Topic: fmt.Sprint(n), Payload: []byte("{}")},
			Change:  &watchdog.Change{At: At(n), GID: one.GID, From: hippodamia.Active, To: hippodamia.Inactive, Reason: fmt.Sprint(n)},
		})
	}
	Settle(t, s)
	for i, m := range messages(t, s, "", 10) {
		equal(t, fmt.Sprint(990+i), m.Topic)
	}
	for i, c := range changes(t, s, one.GID, 10) {
		equal(t, fmt.Sprint(990+i), c.Reason)
	}
	equal(t, 1000, len(messages(t, s, one.GID, 5000)))
}

func retention(t *testing.T, open func() watchdog.Store) {
	s, _ := Running(t, open)
	observed, ended, late := Pump(1), Pump(2), Pump(3)
	ended.State, ended.Since = hippodamia.Ended, At(10)
	late.State, late.Since = hippodamia.Ended, At(2000)
	for _, m := range []*watchdog.Microservice{&observed, &ended, &late} {
		s.Append(watchdog.Entry{After: m})
	}
	for n := range 3000 {
		s.Append(watchdog.Entry{
			Message: &watchdog.Message{At: At(n), Topic: fmt.Sprint(n), Payload: []byte("{}")},
			Change:  &watchdog.Change{At: At(n), GID: observed.GID, From: hippodamia.Active, To: hippodamia.Inactive},
		})
	}
	s.Retain(watchdog.Retention{Before: At(1000)})
	await(t, s, 2000, "1000")
	equal(t, []watchdog.Microservice{observed, late}, load(t, s))
	s.Retain(watchdog.Retention{Before: At(0), Rows: 50})
	await(t, s, 50, "2950")
	s.Retain(watchdog.Retention{Before: At(0)})
	Settle(t, s)
	await(t, s, 50, "2950")
}

// large has messages that are few and take much.
func large(t *testing.T, open func() watchdog.Store) {
	s, _ := Running(t, open)
	const each, all = watchdog.MaxPayload, 64
	random := rand.New(rand.NewPCG(1, 2)) // what can be compressed takes little
	for n := range all {
		payload := make([]byte, each)
		for i := range payload {
			payload[i] = byte(random.Uint32())
		}
		s.Append(watchdog.Entry{
			Message: &watchdog.Message{At: At(n), Topic: strconv.Itoa(n), Payload: payload, Size: each},
			Change:  &watchdog.Change{At: At(n), GID: "g", From: hippodamia.Active, To: hippodamia.Inactive},
		})
	}
	Settle(t, s)
	s.Retain(watchdog.Retention{Before: At(0), Size: 2 * all * each})
	Settle(t, s)
	if n := len(messages(t, s, "", 10000)); n != all {
		t.Errorf("%d messages are left of %d that are not too large", n, all)
	}
	s.Retain(watchdog.Retention{Before: At(0), Size: all / 2 * each})
	deadline := time.Now().Add(patience)
	left := all
	for ; left > all/2; left = len(messages(t, s, "", 10000)) {
		Settle(t, s)
		if time.Now().After(deadline) {
			t.Fatalf("%d messages are left of %d, of which the half is too large", left, all)
		}
	}
	if left < all/4 {
		t.Errorf("%d messages are left of %d, of which the half is too large", left, all)
	}
	if m := messages(t, s, "", 1); len(m) != 1 || m[0].Topic != strconv.Itoa(all-1) {
		t.Errorf("the latest is %+v", m)
	}
	if n := len(changes(t, s, "", 10000)); n != all {
		t.Errorf("%d changes are left of %d", n, all)
	}
}

// await waits until so many messages and changes are left, of which the first has a topic.
func await(t *testing.T, s watchdog.Store, left int, topic string) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		Settle(t, s) // a commit, or some, of the retention
		m, c := messages(t, s, "", 10000), changes(t, s, "", 10000)
		if len(m) == left && len(c) == left && m[0].Topic == topic {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d messages and %d changes are left, want %d", len(m), len(c), left)
		}
	}
}

func closing(t *testing.T, open func() watchdog.Store) {
	s, stop := Running(t, open)
	for n := range 300 {
		one := Pump(n)
		s.Append(watchdog.Entry{After: &one})
	}
	stop()
	s.Append(watchdog.Entry{After: new(watchdog.Microservice)}) // a row too late is lost, and harms nothing
	refused := make(chan error, 1)                              // one answer
	s.Durable(func(err error) { refused <- err })
	if err := <-refused; err == nil {
		t.Error("a closed store promises to keep something")
	}
	if lost := s.Stats().Lost; lost == 0 {
		t.Error("what came too late was not counted")
	}
	s, _ = Running(t, open)
	equal(t, 300, len(load(t, s)))
}

func ending(t *testing.T, open func() watchdog.Store) {
	s := open()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1) // Run's end
	go func() { ended <- s.Run(ctx) }()
	one, other := Pump(1), Pump(2)
	s.Append(watchdog.Entry{After: &one})
	Settle(t, s)
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	s.Append(watchdog.Entry{After: &other})
	if err := s.Close(context.Background()); err != nil {
		t.Error(err)
	}
	s, _ = Running(t, open)
	equal(t, []watchdog.Microservice{one, other}, load(t, s))
}
