package rest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"

	"zmicroservices/services/scheduler/peer"
	"zmicroservices/services/scheduler/registry"
)

func memoryOf(t *testing.T) registry.Registry {
	t.Helper()
	return registry.NewMemory()
}

// A peer may be anything that speaks HTTP.
func TestPeersOfOtherMakes(t *testing.T) {
	var asked *http.Request
	var do http.HandlerFunc
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = r
		do(w, r)
	}))
	defer other.Close()
	at := peer.Address(strings.TrimPrefix(other.URL, "http://"))
	c := NewClient(ClientOptions{Secret: "s", Most: 3})
	defer c.Close()
	call := peer.Call{UUID: uuid.New(), IP: "10.0.0.1"}

	do = func(http.ResponseWriter, *http.Request) {}
	if a, err := c.Sync(t.Context(), at, call); err != nil || a.Ours || a.UUID != uuid.Nil {
		t.Errorf("an empty 200: %+v %v", a, err)
	}
	if asked.Method != "POST" || asked.URL.Path != "/sync" || asked.Header.Get("Authorization") != "Bearer s" || asked.Header.Get("Content-Type") != "application/json" || asked.Header.Get(knownHeader) != "" {
		t.Errorf("asked %s %s %v", asked.Method, asked.URL, asked.Header)
	}
	if err := c.Tell(t.Context(), at, call); err != nil || asked.URL.Path != "/ip" {
		t.Errorf("%s %v", asked.URL, err)
	}
	do = func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "it works!") }
	if _, err := c.Sync(t.Context(), at, call); err != nil {
		t.Errorf("a 200 of words: %v", err)
	}
	if _, err := c.Info(t.Context(), at); err == nil {
		t.Error("words are contexts")
	}
	for want, handler := range map[string]http.HandlerFunc{
		"500 Internal": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) },
		`answers 418 I'm a teapot: "short\nand stout"`: func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(418)
			fmt.Fprint(w, `{"error":"short\nand stout"}`)
		},
		"302 Found": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://127.0.0.1:1/", http.StatusFound)
		},
		"answer is longer than": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write(make([]byte, longestHead+3*longestEntry+1))
		},
		"unexpected EOF": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "10")
			fmt.Fprint(w, "{}")
		},
		"it answers 401 Unauthorized": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(401) },
	} {
		do = handler
		if _, err := c.Sync(t.Context(), at, call); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	other.Close()
	if _, err := c.Sync(t.Context(), at, call); err == nil || !strings.Contains(err.Error(), "connection refused") || strings.Count(err.Error(), "/sync") != 1 {
		t.Errorf("nobody: %v", err)
	}
}

// A name that a peer said, and that means this host, would lead our calls to what listens
// on loopback alone.
func TestANameThatMeansThisHostIsNotCalled(t *testing.T) {
	for address, want := range map[string]error{"127.0.0.1:80": errHere, "127.9.9.9:80": errHere, "[::1]:80": errHere, "[::ffff:127.0.0.1]:80": errHere, "0.0.0.0:80": errHere, "10.0.0.1:80": nil, "[fd00::1]:80": nil} {
		if err := elsewhere("tcp", address, nil); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", address, err, want)
		}
	}
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer other.Close()
	_, port, err := net.SplitHostPort(strings.TrimPrefix(other.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	call := peer.Call{UUID: uuid.New()}
	at := peer.Address("db1.example.net:" + port)
	careful := NewClient(ClientOptions{Given: []peer.Address{}, resolver: loopbackDNS(t)})
	defer careful.Close()
	if _, err := careful.Sync(t.Context(), at, call); !errors.Is(err, errHere) {
		t.Errorf("a name: %v", err)
	}
	if _, err := careful.Sync(t.Context(), peer.Address("127.0.0.1:"+port), call); err != nil {
		t.Errorf("an address, which the engine judges: %v", err)
	}
	given := NewClient(ClientOptions{Given: []peer.Address{at}, resolver: loopbackDNS(t)})
	defer given.Close()
	if _, err := given.Sync(t.Context(), at, call); err != nil {
		t.Errorf("a name of the configuration: %v", err)
	}
}

// loopbackDNS is a resolver to which every name means 127.0.0.1 (RFC 1035, 4.1).
func loopbackDNS(t *testing.T) *net.Resolver {
	t.Helper()
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var ended sync.WaitGroup
	ended.Go(func() { // ends when the socket is closed
		query := make([]byte, 512)
		for {
			n, from, err := server.ReadFrom(query)
			if err != nil {
				return
			}
			end := 12 + bytes.IndexByte(query[12:n], 0) + 5 // name, type, class
			answer := append(bytes.Clone(query[:2]), 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0)
			answer = append(answer, query[12:end]...)
			if query[end-3] == 1 { // A; there is no AAAA
				answer[7] = 1
				answer = append(answer, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1)
			}
			_, _ = server.WriteTo(answer, from)
		}
	})
	t.Cleanup(func() {
		server.Close()
		ended.Wait()
	})
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "udp", server.LocalAddr().String())
	}}
}
