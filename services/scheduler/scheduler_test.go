package scheduler

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"zmicroservices/services/scheduler/engine"
	"zmicroservices/services/scheduler/peer"
	"zmicroservices/services/scheduler/registry"
	"zmicroservices/services/scheduler/rest"
	"zmicroservices/taskservice"
)

// runs is a Source.
type runs []peer.Context

func (r runs) Contexts(context.Context) ([]peer.Context, error) { return r, nil }

const quick = 200 * time.Millisecond

func TestHostsFindEachOther(t *testing.T) {
	a := up(t, Settings{Interval: quick}, runs{{ID: "context001", Transactions: []peer.Transaction{{ID: "T1", Services: 3}}}})
	b := up(t, Settings{Interval: quick, Jitter: 50 * time.Millisecond, Peers: []string{a.Address()}}, nil)
	c := up(t, Settings{Interval: quick, Peers: []string{a.Address()}}, nil)
	for _, h := range []*host{a, b, c} {
		until(t, "two others", h.sees(t, 2))
	}
	client := rest.NewClient(rest.ClientOptions{})
	defer client.Close()
	until(t, "what a runs", func() bool {
		all, err := client.Peers(t.Context(), peer.Address(b.Address()))
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range all.Peers {
			if k.UUID == a.UUID() && len(k.Contexts) == 1 && k.Contexts[0].Transactions[0].Services == 3 {
				return true
			}
		}
		return false
	})
	if err := c.stop(); err != nil {
		t.Error(err)
	}
	until(t, "one fewer", a.sees(t, 1))
	var kinds []string
	for len(a.events) > 0 {
		kinds = append(kinds, string((<-a.events).Kind))
	}
	if got := strings.Join(kinds, " "); strings.Count(got, "peer_known") != 2 || !strings.HasSuffix(got, "peer_unavailable") {
		t.Errorf("events %s", got)
	}
}

func TestAStoreKeepsWhoWeAreAndWhomWeKnow(t *testing.T) {
	store := filepath.Join(t.TempDir(), StoreFile)
	a := up(t, Settings{Interval: quick, Store: store}, nil)
	b := up(t, Settings{Interval: quick, Peers: []string{a.Address()}}, nil)
	until(t, "b", a.sees(t, 1))
	id := a.UUID()
	until(t, "b in the store", func() bool {
		kept, err := a.registry.Peers(t.Context(), peer.Consumer)
		return err == nil && len(kept) == 1 && kept[0].UUID == b.UUID()
	})
	if err := a.stop(); err != nil {
		t.Fatal(err)
	}
	again := up(t, Settings{Interval: quick, Store: store}, nil)
	until(t, "b, once more", again.sees(t, 1)) // without a first peer
	if again.UUID() != id {
		t.Errorf("it was %v and is %v", id, again.UUID())
	}
	until(t, "its new port", b.sees(t, 1))
}

func TestRedisIsKilledInMidSync(t *testing.T) {
	server := newRedis(t)
	b := up(t, Settings{Interval: quick}, nil)
	a := up(t, Settings{Interval: quick, Peers: []string{b.Address()}, Store: server.url()}, nil)
	until(t, "b", a.sees(t, 1))
	id := a.UUID()
	for range 3 {
		server.kill()
		// Calls are answered all the while, and who calls is not forgotten.
		c := uuid.New()
		client := rest.NewClient(rest.ClientOptions{})
		if _, err := client.Sync(t.Context(), peer.Address(a.Address()), peer.Call{UUID: c, IP: peer.Address(b.Address())}); err != nil {
			t.Errorf("without Redis: %v", err)
		}
		client.Close()
		server.start() // with nothing in it
		until(t, "what was known", func() bool {
			kept, err := a.registry.Peers(t.Context(), peer.Consumer)
			found := 0
			for _, p := range kept {
				if p.UUID == b.UUID() || p.UUID == c {
					found++
				}
			}
			return err == nil && found == 2
		})
		until(t, "a leader", a.engine.Leads)
	}
	if got, err := a.registry.Identity(t.Context(), uuid.New()); err != nil || got != id || a.UUID() != id {
		t.Errorf("it was %v and is %v %v", id, got, err)
	}
}

func TestWithoutItsStoreItWaits(t *testing.T) {
	server := newRedis(t)
	server.kill()
	a := up(t, Settings{Interval: quick, Store: server.url()}, nil)
	if a.UUID() != uuid.Nil {
		t.Error("it has an identity")
	}
	server.start()
	until(t, "its begin", a.sees(t, 0))
}

func TestTwoOfOneStore(t *testing.T) {
	store := filepath.Join(t.TempDir(), StoreFile)
	a, b := up(t, Settings{Interval: quick, Store: store}, nil), up(t, Settings{Interval: quick, Store: store}, nil)
	until(t, "a leader", func() bool { return a.engine.Leads() != b.engine.Leads() })
	until(t, "one identity", func() bool { return a.UUID() == b.UUID() && a.UUID() != uuid.Nil })
	leader, other := a, b
	if b.engine.Leads() {
		leader, other = b, a
	}
	if err := leader.stop(); err != nil {
		t.Error(err)
	}
	until(t, "the other's turn", other.engine.Leads)
}

func TestAPortThatIsTaken(t *testing.T) {
	a := up(t, Settings{}, nil)
	_, err := Make(t.Context(), Settings{Listen: a.Address(), Store: registry.InMemory}, Options{Logger: slog.New(slog.DiscardHandler)})
	if err == nil || !strings.Contains(err.Error(), "address already in use") || !strings.Contains(err.Error(), "listen names another one") {
		t.Errorf("%v", err)
	}
}

func TestOneThatNeverRanIsClosed(t *testing.T) {
	d, err := Make(t.Context(), Settings{Listen: "127.0.0.1:0", Store: filepath.Join(t.TempDir(), StoreFile)}, Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
}

func TestAForcedAddressIsTold(t *testing.T) {
	for force, want := range map[string]peer.Address{
		"203.0.113.9": "203.0.113.9:8090", "203.0.113.9:80": "203.0.113.9", "203.0.113.9:99": "203.0.113.9:99",
		"fd00::9": "[fd00::9]:8090", "[fd00::9]": "[fd00::9]:8090", "[fd00::9]:80": "fd00::9", "gw.example.net": "gw.example.net:8090", "gw.example.net:80": "gw.example.net",
	} {
		p, err := Settings{ForceIP: force}.plan()
		if err != nil {
			t.Fatal(err)
		}
		if got := withPort(p.force, p.ForceIP, 8090); got != want {
			t.Errorf("%s: %s, want %s", force, got, want)
		}
	}
}

func TestSettingsFromAFile(t *testing.T) {
	s, unknown, err := SettingsOf(taskservice.Config{StateDir: "/state", Values: map[string]any{
		"device_action": "scheduler", "interval": "30s", "jitter": "5", "listen": "0.0.0.0:8090", "peer": []any{"10.0.0.1", "10.0.0.2:99"}, "producer": "10.0.5.1",
		"redis_prefix": "p:", "force_ip": "203.0.113.9", "secret_file": "/s", "plain_http": "yes", "max_peers": "50", "intervall": "1", "version": "2.0",
	}})
	if err != nil {
		t.Fatal(err)
	}
	if s.Interval != 30*time.Second || s.Jitter != 5*time.Second || len(s.Peers) != 2 || len(s.Producers) != 1 || !s.PlainHTTP || s.MostPeers != 50 || s.Store != "/state/scheduler.db" || s.Prefix != "p:" {
		t.Errorf("%+v", s)
	}
	if len(unknown) != 1 || unknown[0] != "intervall" {
		t.Errorf("unknown %v", unknown)
	}
	if err := s.Check(); err != nil {
		t.Error(err)
	}
	if _, _, err := SettingsOf(taskservice.Config{Values: map[string]any{"interval": "soon"}}); err == nil {
		t.Error("soon is an interval")
	}
}

func TestAllMistakesAreToldAtOnce(t *testing.T) {
	err := Settings{
		Interval: time.Millisecond, Listen: "0.0.0.0:8090", Peers: []string{"0.0.0.0", "a/b"}, Producers: []string{"x:0"}, ForceIP: "::",
		Store: "http://x", Cert: "c", MostPeers: -1, Timeout: -1,
	}.Check()
	for _, want := range []string{
		"interval 1ms", "beyond loopback", "plain_http", "peer: address \"0.0.0.0\"", "\"a/b\"", "producer: ", "force_ip: ", "store \"http://", "belong together", "max_peers -1", "timeout -1",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q in %v", want, err)
		}
	}
	if err := (Settings{Listen: "0.0.0.0:8090"}).Check(); !errors.Is(err, rest.ErrBeyond) && err == nil {
		t.Error("everybody may call")
	}
	if err := (Settings{Jitter: time.Hour}).Check(); err == nil || !strings.Contains(err.Error(), "jitter") {
		t.Error(err)
	}
	if err := (Settings{}).Check(); err != nil {
		t.Error(err)
	}
	if _, err := Make(t.Context(), Settings{Listen: "0.0.0.0:0", SecretFile: "/nonexistent"}, Options{Logger: slog.New(slog.DiscardHandler)}); err == nil || !strings.Contains(err.Error(), "read secret") {
		t.Error(err)
	}
}

func TestPlainHTTPIsSaidAtEachStart(t *testing.T) {
	for range 2 {
		var log bytes.Buffer
		d, err := Make(t.Context(), Settings{Listen: "0.0.0.0:0", PlainHTTP: true, Store: registry.InMemory}, Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
		if !strings.Contains(log.String(), "plain_http allows it") {
			t.Error(log.String())
		}
	}
}

func TestASecretIsShared(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	a := up(t, Settings{Interval: quick, SecretFile: write("ours", "open sesame")}, nil)
	b := up(t, Settings{Interval: quick, SecretFile: write("same", "open sesame\n"), Peers: []string{a.Address()}}, nil)
	c := up(t, Settings{Interval: quick, SecretFile: write("other", "abracadabra"), Peers: []string{a.Address()}}, nil)
	until(t, "one another", func() bool { return len(a.engine.Peers()) == 1 && len(b.engine.Peers()) == 1 })
	until(t, "the refusal", func() bool {
		all := c.engine.Peers()
		return len(all) == 1 && all[0].Availability == engine.Unavailable && strings.Contains(all[0].Reason, "401")
	})
}

func TestNotices(t *testing.T) {
	c := taskservice.Config{TaskID: "ts007", Transaction: "T1", ServiceName: "scheduler", DeviceAction: "sync"}
	id := uuid.MustParse("6ba7b810-9dad-11d1-80b4-00c04fd430c8")
	for e, want := range map[engine.Event]string{
		{Kind: engine.AddressChanged, Peer: peer.Peer{UUID: id}, Old: "10.0.0.1", New: "10.0.0.2"}:              `"device_action":"address_changed","new":"10.0.0.2","old":"10.0.0.1","result":"success","uuid":"6ba7b810-9dad-11d1-80b4-00c04fd430c8"`,
		{Kind: engine.PeerUnavailable, Peer: peer.Peer{UUID: id}, New: "10.0.0.2", Reason: "no answer in time"}: `"device_action":"peer_unavailable","ip":"10.0.0.2","reason":"no answer in time","result":"success","uuid":`,
		{Kind: engine.PeerAvailable, New: "10.0.0.2"}:                                                           `"device_action":"peer_available","ip":"10.0.0.2","result":"success"}`,
	} {
		frame, err := notice(c, e)
		frame = bytes.Join(bytes.Fields(frame), nil)
		frame = bytes.ReplaceAll(frame, []byte("@@@"), []byte(" @@@ "))
		want = strings.ReplaceAll(want, " ", "")
		if err != nil || !bytes.HasPrefix(frame, []byte("control @@@ ")) || !bytes.Contains(frame, []byte(want)) || !bytes.Contains(frame, []byte(`"action":"updated"`)) {
			t.Errorf("%s %v, want %s", frame, err, want)
		}
	}
}
