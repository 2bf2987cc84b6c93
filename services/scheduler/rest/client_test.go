package rest

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
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
