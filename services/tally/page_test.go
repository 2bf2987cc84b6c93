package tally

import (
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"zmicroservices/taskservice/lifecycle"
)

// serve runs a page until the test ends.
func serve(t *testing.T, metrics http.Handler) *Page {
	t.Helper()
	p, err := Listen(DefaultAddress, 0)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)                 // sent once
	go func() { done <- p.Run(ctx, metrics) }() // ends with cancel
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return p
}

func ask(t *testing.T, method, url string, change func(*http.Request)) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(r)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(body)
}

func TestThePageIsForThoseWhoMeanIt(t *testing.T) {
	p := serve(t, newTally(t, Options{}).Handler())
	host := func(h string) func(*http.Request) { return func(r *http.Request) { r.Host = h } }
	_, port, _ := net.SplitHostPort(p.listener.Addr().String())
	for _, c := range []struct {
		method, path string
		change       func(*http.Request)
		want         int
	}{
		{"GET", "/metrics", nil, 200},
		{"HEAD", "/metrics", nil, 200},
		{"GET", "/metrics", host("localhost:" + port), 200},
		{"GET", "/metrics", host("[::1]:" + port), 200},
		{"GET", "/", nil, 200},
		{"GET", "/other", nil, 404},
		{"POST", "/metrics", nil, 405},
		{"GET", "/metrics", host("rebound.example.net"), 403},
		{"GET", "/metrics", func(r *http.Request) { r.Header.Set("Origin", "http://evil.example.net") }, 403},
	} {
		code, body := ask(t, c.method, strings.TrimSuffix(p.URL(), "/metrics")+c.path, c.change)
		if code != c.want || code == 200 && c.path == "/metrics" && c.method == "GET" && !strings.Contains(body, "lifecycle_tally_overflow_total") {
			t.Errorf("%+v: %d %s", c, code, body)
		}
	}
	if g := (guard{beyond: true}); !g.ours(own(t)+".example.net") || (guard{}).ours(own(t)) {
		t.Error("this machine's name is known where others ask")
	}
	if _, err := Listen(DefaultAddress, p.listener.Addr().(*net.TCPAddr).Port); err == nil || !strings.Contains(err.Error(), "address already in use") {
		t.Error(err)
	}
}

func own(t *testing.T) string {
	name, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	name, _, _ = strings.Cut(name, ".")
	return name
}

func TestAddresses(t *testing.T) {
	for address, want := range map[string]struct{ ok, beyond bool }{
		"127.0.0.1": {true, false}, "::1": {true, false}, "localhost": {true, false},
		"0.0.0.0": {true, true}, "192.0.2.1": {true, true}, "::": {true, true},
		"": {}, "example.net": {}, "127.0.0.1:80": {},
	} {
		if err := CheckAddress(address, 8080); (err == nil) != want.ok || Beyond(address) != want.beyond {
			t.Errorf("%q: %v, beyond: %t", address, err, Beyond(address))
		}
	}
	if CheckAddress(DefaultAddress, 65536) == nil || CheckAddress(DefaultAddress, -1) == nil {
		t.Error("no such port")
	}
}

func TestWhoHoldsConnectionsIsCutOff(t *testing.T) {
	p := serve(t, newTally(t, Options{}).Handler())
	var held []net.Conn
	defer func() {
		for _, c := range held {
			c.Close()
		}
	}()
	for range maxConns + 10 {
		c, err := net.Dial("tcp", p.listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		held = append(held, c)
	}
	last := held[len(held)-1]
	if err := last.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := last.Read(make([]byte, 1)); err == nil || os.IsTimeout(err) {
		t.Errorf("it is held: %v", err)
	}
}

func TestPromtoolHasNothingToSay(t *testing.T) {
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		const need = "promtool is not here: apt-get install prometheus"
		if os.Getenv("CI") == "true" {
			t.Fatal(need)
		}
		t.Skip(need)
	}
	n := newTally(t, Options{})
	n.Take(frame(t, lifecycle.Startup, "server", "c1", `quote " and \ backslash`), time.Now())
	n.Take([]byte("choria.lifecycle.event.startup.server @@@ garbage"), time.Now())
	n.Beat(time.Now(), 0)
	p := serve(t, n.Handler())
	_, page := ask(t, "GET", p.URL(), nil) // whole, with what any process tells
	check := exec.Command(promtool, "check", "metrics")
	check.Stdin = strings.NewReader(page)
	if out, err := check.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("%v: %s", err, out)
	}
}
