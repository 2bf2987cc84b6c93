package main

import (
	"bytes"
	"context"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"zmicroservices/services/watchdog/database"
	"zmicroservices/taskservice/hippodamia"
	"zmicroservices/test/harness"
)

// shared is what a program says, read while it runs.
type shared struct {
	mu sync.Mutex // guards b
	b  bytes.Buffer
}

func (s *shared) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *shared) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// until waits until it has said something, as often as that.
func (s *shared) until(t *testing.T, text string, times int) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(harness.Patience); strings.Count(s.String(), text) < times; <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("it does not say %q:\n%s", text, s)
		}
	}
}

// dog runs the program in the background.
func dog(t *testing.T, args ...string) (said *shared, end func() int) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	said = new(shared)
	code := make(chan int, 1)
	go func() { code <- run(ctx, args, said, said) }() // ends with ctx
	var once sync.Once
	result := -1
	end = func() int {
		once.Do(func() {
			cancel()
			result = <-code
		})
		return result
	}
	t.Cleanup(func() { end() })
	return said, end
}

func TestAnAgentOnABrokerAloneIsWatched(t *testing.T) {
	broker := harness.StartMosquitto(t, nil, "allow_anonymous true")
	there := broker.Sub("hippodamia/#")
	path := filepath.Join(t.TempDir(), "w.db")
	args := []string{"--mqtt", broker.URL(), "--database", path, "--ping_interval", "20s"} // the agent pings each second: a busy machine makes none silent
	said, end := dog(t, args...)
	said.until(t, "broker is connected", 1)
	there.Until("hippodamia/command/ping") // it asks all who are there

	pump := harness.StartPahoAgent(t, broker, "pump")
	said.until(t, "name=pump", 3)
	said.until(t, "to=active", 1)
	there.Until("hippodamia/contact", "pump")
	broker.Pub("hippodamia/command/onboarding", `{"request_id":"1","timestamp":"2026-11-21T10:00:00Z"}`)
	pump.Until("gid ", 2)
	said.until(t, "to=active", 2)

	// The watchdog comes back, and knows it.
	if code := end(); code != 0 {
		t.Errorf("code %d: %s", code, said)
	}
	there.Until("hippodamia/gateway/", `"offline","reason":"shutdown"`)
	said, end = dog(t, args...)
	said.until(t, "known=1", 1)
	pump.Until("command ping", 1) // is asked at once

	// So does the broker: nobody is taken to be silent meanwhile.
	said.until(t, "broker is connected", 1)
	broker.Kill()
	said.until(t, "connection to broker was lost", 1)
	broker.Start()
	said.until(t, "broker is connected", 2)
	there = broker.Sub("hippodamia/state/#")
	there.Until("hippodamia/state/ping")

	pump.Kill()
	there.Until("hippodamia/state/end", `"last-will"`)
	said.until(t, "to=terminated reason=last-will", 1)
	if code := end(); code != 0 {
		t.Errorf("code %d: %s", code, said)
	}
	all := pump.GIDs()
	if len(all) < 2 || all[0] != all[1] {
		t.Errorf("gids %q", all)
	}
	if n := strings.Count(said.String(), "to=inactive"); n != 0 {
		t.Errorf("%d times inactive:\n%s", n, said)
	}
	wantState(t, path, "pump", hippodamia.Terminated)
}

// wantState reads it from the database.
func wantState(t *testing.T, path, name string, want hippodamia.State) {
	t.Helper()
	store, err := database.Open(t.Context(), path, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- store.Run(ctx) }() // ends with Close
	all, err := store.Load(t.Context())
	if len(all) != 1 || all[0].Name != name || all[0].State != want || err != nil {
		t.Errorf("%+v %v", all, err)
	}
	if err := store.Close(t.Context()); err != nil {
		t.Error(err)
	}
	stop()
	<-ended
}
