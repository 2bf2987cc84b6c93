package peers

import (
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"zmicroservices/test/harness"
)

// placeOn is a free address of that host.
func placeOn(t *testing.T, ip string) string {
	t.Helper()
	free, err := net.Listen("tcp", ip+":0")
	if err != nil {
		t.Fatal(err)
	}
	defer free.Close()
	return free.Addr().String()
}

// run is conf_command with a code that is expected.
func (h *host) run(code int, args ...string) harness.Result {
	h.t.Helper()
	r := harness.Run(h.t, nil, "conf_command", args...)
	if r.Code != code {
		h.t.Errorf("conf_command %s: code %d, want %d\n%s%s", strings.Join(args, " "), r.Code, code, r.Stdout, r.Stderr)
	}
	return r
}

func TestAContextOfAnotherHostIsReached(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("of both"), 0o600); err != nil {
		t.Fatal(err)
	}
	shared := "<secret_file>" + secret + "</secret_file>"
	first, second := placeOn(t, "127.0.0.1"), placeOn(t, "127.0.0.2")
	a := up(t, "first", first, shared)
	b := up(t, "second", second, shared+"<peer>"+first+"</peer>")
	var listed struct {
		Peers []struct {
			Name, UUID, Address string
			Available, Self     bool
			Contexts            []struct {
				Context      string
				Transactions []struct {
					Transaction  string
					Services, Up int
				}
			}
		}
	}
	for _, h := range []*host{a, b} {
		h.until("the other, and what it runs", func([]known) bool {
			r := h.run(0, "peers", h.File, "-o", "json")
			listed.Peers = nil
			if err := json.Unmarshal([]byte(r.Stdout), &listed); err != nil {
				t.Fatalf("%v in %s", err, r.Stdout)
			}
			return len(listed.Peers) == 2 && listed.Peers[1].Available && len(listed.Peers[1].Contexts) == 1 && len(listed.Peers[1].Contexts[0].Transactions) == 1
		})
		if !listed.Peers[0].Self || listed.Peers[1].Self {
			t.Errorf("%+v", listed.Peers)
		}
	}
	// b has been asked last: the other one is a.
	if p := listed.Peers[1]; p.Address != first || p.Contexts[0].Context != "first" || p.Contexts[0].Transactions[0].Services != 1 {
		t.Errorf("%+v", p)
	}
	uuid := listed.Peers[1].UUID
	if r := a.run(0, "peers", "--scheduler", first, "--secret_file", secret, "127.0.0.2"); !strings.Contains(r.Stdout, "second") || strings.Contains(r.Stdout, first) {
		t.Errorf("peers 127.0.0.2:\n%s", r.Stdout)
	}

	for _, args := range [][]string{
		{"--peer", "127.0.0.2", "state", a.File}, {"state", "--peer", second, a.File, "ts001"},
		{"state", "--peer", listed.Peers[0].Name, "--context", "second", a.File}, {"state", "--peer", "127.0.0.2", "--scheduler", first, "--secret_file", secret},
	} {
		if r := a.run(0, args...); !strings.Contains(r.Stdout, "second") || !strings.Contains(r.Stdout, "ts001") || !strings.Contains(r.Stdout, "started") {
			t.Errorf("%q:\n%s%s", args, r.Stdout, r.Stderr)
		}
	}
	if r := b.run(0, "--peer", uuid[:6], "state", b.File, "-o", "json"); !strings.Contains(r.Stdout, `"context": "first"`) {
		t.Errorf("state of first:\n%s", r.Stdout)
	}
	if r := a.run(0, "top", "--peer", "127.0.0.2", a.File); !strings.Contains(r.Stdout, "Scheduler") {
		t.Errorf("top:\n%s", r.Stdout)
	}
	if r := a.run(0, "top", "--peer", "127.0.0.2", a.File, "-o", "json"); !strings.Contains(r.Stdout, `"context": "second"`) || !strings.Contains(r.Stdout, `"rss"`) {
		t.Errorf("top:\n%s", r.Stdout)
	}

	watch := a.Begin("watch", "--peer", "127.0.0.2", a.File, "control", "-o", "json")
	watch.Until("watching " + b.Subscribe)
	b.Command("stop", b.File, "ts001")
	watch.Until("ts001")
	if code := watch.Signal(syscall.SIGINT); code != 0 {
		t.Errorf("watch: code %d, %s", code, watch.Said())
	}

	for want, args := range map[int][][]string{
		1: {{"state", "--peer", "nobody", a.File}, {"state", "--peer", first, "--context", "third", a.File}, {"state", "--peer", first, a.File, "ts9"}, {"state", "--peer", first, "--transaction", "T", a.File}, {"peers", "--scheduler", first}},
		2: {
			{"state", "--peer", first, "--endpoint", "tcp://127.0.0.1:1", a.File}, {"state", "--context", "x", a.File}, {"watch", "--peer", first, "--nats", "nats://127.0.0.1:1"},
			{"peers", "--scheduler", "0.0.0.0:1"}, {"peers", "--secret_file", "/nonexistent", a.File}, {"peers", "--cert", "x", a.File}, {"top", "--peer", first, a.File, "ts001"},
		},
		3: {{"peers", "--scheduler", second, "--secret_file", secret}, {"state", "--peer", "127.0.0.2", a.File}},
	} {
		for _, one := range args {
			if r := a.run(want, one...); !strings.HasPrefix(r.Stderr, "error: ") {
				t.Errorf("%q: %s", one, r.Stderr)
			}
		}
	}
	b.Stop()
	a.Stop()
}

func TestSeveralContextsOfOneNameAreListed(t *testing.T) {
	first := place(t)
	a := up(t, "first", first, "")
	b := up(t, "second", place(t), "<peer>"+first+"</peer>")
	a.until("the second", func(all []known) bool { return len(all) == 1 && len(all[0].Contexts) == 1 })
	name := a.peers()[0].Name // of this machine: it is that of both
	r := a.run(2, "state", "--peer", name, a.File)
	for _, want := range []string{"several contexts", "first of ", "second of ", "--context"} {
		if !strings.Contains(r.Stderr, want) {
			t.Errorf("no %q in %s", want, r.Stderr)
		}
	}
	b.Stop()
	a.Stop()
}
