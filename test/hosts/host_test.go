package hosts

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"zmicroservices/test/harness"
)

// The API's port and secret on each host.
const (
	port   = "8090"
	secret = "of five hosts"
)

// host is a place where a scheduler runs.
type host struct {
	*place
	uuid string
	http *http.Client // from the host itself, which no cable and no filter is between
	log  *book
	cmd  *exec.Cmd
}

// book keeps what a program writes.
type book struct {
	mu   sync.Mutex // guards text
	text bytes.Buffer
}

func (b *book) Write(text []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(text)
}

func (b *book) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// run starts the built scheduler at a place.
func run(t *testing.T, at *place, flags ...string) *host {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "secret")
	if err := os.WriteFile(file, []byte(secret), 0o600); err != nil {
		t.Fatal(err)
	}
	h := &host{place: at, log: &book{}}
	h.http = &http.Client{Timeout: patience, Transport: &http.Transport{DialContext: at.dial, DisableKeepAlives: true}}
	args := []string{"netns", "exec", at.namespace, harness.Tool(t, "scheduler"),
		"--listen", "[::]:" + port, "--secret_file", file, "--store", filepath.Join(dir, "s.db"), "--interval", interval.String(), "--log_level", "debug"}
	h.cmd = exec.Command("ip", append(args, flags...)...) // ip becomes the scheduler: one process, one id
	h.cmd.Stdout, h.cmd.Stderr = h.log, h.log
	if err := h.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = h.cmd.Process.Signal(syscall.SIGTERM)
		watch := time.AfterFunc(patience, func() { _ = h.cmd.Process.Kill() })
		defer watch.Stop()
		if err := h.cmd.Wait(); err != nil {
			t.Errorf("scheduler at %s: %v", h.ip, err)
		}
		if t.Failed() {
			t.Logf("scheduler at %s:\n%s", h.ip, h.log)
		}
	})
	until(t, "a scheduler at "+h.ip, func() bool {
		all, err := h.peers()
		h.uuid = all.UUID
		return err == nil && h.uuid != ""
	})
	return h
}

// address is where others call it.
func (p *place) address() string { return net.JoinHostPort(p.ip, port) }

// known is what one host says of another, with the contract's keys.
type known struct {
	UUID         string `json:"uuid"`
	IP           string `json:"ip"`
	Availability string `json:"availability"`
}

// answer is that of GET /peers.
type answer struct {
	UUID  string  `json:"uuid"`
	IP    string  `json:"ip"`
	Peers []known `json:"peers"`
}

func (h *host) peers() (a answer, err error) {
	r, err := http.NewRequest(http.MethodGet, "http://127.0.0.1:"+port+"/peers", nil)
	if err != nil {
		return a, err
	}
	r.Header.Set("Authorization", "Bearer "+secret)
	response, err := h.http.Do(r)
	if err != nil {
		return a, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return a, errors.New(response.Status)
	}
	return a, json.NewDecoder(response.Body).Decode(&a)
}

// sees says what the host knows of another one: its address and whether it answers.
func (h *host) sees(other *host) (k known) {
	all, err := h.peers()
	if err != nil {
		return k
	}
	for _, k := range all.Peers {
		if k.UUID == other.uuid {
			return k
		}
	}
	return k
}

// reaches says that the host knows another one where it is, and gets its answers.
func (h *host) reaches(other *host) bool {
	k := h.sees(other)
	return k.IP == other.address() && k.Availability == "available"
}

// misses says that the host knows another one, and gets no answer.
func (h *host) misses(other *host) bool { return h.sees(other).Availability == "unavailable" }

// each says that something is so between every one of these and every one of those.
func each(these, those []*host, is func(a, b *host) bool) func() bool {
	return func() bool {
		for _, a := range these {
			for _, b := range those {
				if a != b && !is(a, b) {
					return false
				}
			}
		}
		return true
	}
}

// allReach says that all of them reach each other.
func allReach(all []*host) func() bool { return each(all, all, (*host).reaches) }

// hostsAt starts that many at a half, numbered from first; peer is whom each knows to
// begin with, "" the first of them.
func hostsAt(t *testing.T, n *network, half string, first, many int, peer string, flags ...string) []*host {
	t.Helper()
	var all []*host
	for i := range many {
		at := n.plug(half, first+i)
		mine := flags
		if peer != "" {
			mine = append([]string{"--peer", peer}, flags...)
		} else {
			peer = at.address()
		}
		all = append(all, run(t, at, mine...))
	}
	return all
}

// String is a host in a test's words.
func (h *host) String() string { return fmt.Sprintf("host %s", h.ip) }
