package main

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"
)

// eventually waits until a stream has said something, some number of times.
func eventually(t *testing.T, s *shared, what string, times int) {
	t.Helper()
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	for end := time.After(tooLong); strings.Count(s.String(), what) < times; {
		select {
		case <-look.C:
		case <-end:
			t.Fatalf("did not say %q %d times; said %q", what, times, s.String())
		}
	}
}

// watch runs one until the test interrupts it.
func watch(t *testing.T, args ...string) (out *shared, interrupt func()) {
	t.Helper()
	out = &shared{}
	var errs shared
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan int, 1) // the exit code
	go func() { done <- run(ctx, append([]string{"watch"}, args...), testWorld(out, &errs)) }()
	interrupt = func() {
		t.Helper()
		cancel()
		if code := <-done; code != 0 {
			t.Errorf("code %d: %s", code, errs.String())
		}
	}
	buses := max(1, strings.Count(strings.Join(args, " "), "--endpoint"))
	eventually(t, &errs, "watching", buses)
	return out, interrupt
}

const (
	startedFrame = `control @@@ {"header": {"action": "started", "service_id": "ts001", "service_name": "echo_action", "service_transaction": "T1"}, "content": {"status": {"device_action": "shout", "pid": 4711, "result": "success"}}}`
	infoFrame    = `control @@@ {"header": {"action": "update", "service_id": "context001", "service_name": "context", "service_transaction": "T2"}, "content": {"status": {"device_action": "context_info", "result": "success", "data": []}}}`
	processFrame = `process @@@ {"id": "ts001", "Task": {"message": {"header": {"action": "stop", "service_id": "ts001", "service_name": "echo_action", "transaction": "T1"}}}}`
	lastFrame    = `control @@@ {"header": {"service_transaction": "T1"}, "last": true}`
)

func TestWatchFollowsTheBus(t *testing.T) {
	p := startPeer(t)
	file := p.file()
	say := func() {
		for _, frame := range []string{startedFrame, infoFrame, processFrame, "garbage", lastFrame} {
			p.says(frame)
		}
	}
	t.Run("all of it", func(t *testing.T) {
		out, interrupt := watch(t, file)
		say()
		eventually(t, out, "last", 1)
		interrupt()
		for _, want := range []string{
			" [control]: started ts001 (echo_action) success pid=4711 device_action=shout T1\n",
			" [control]: Message with [context_info]\n",
			" [process]: stop ts001 (echo_action) T1\n",
			" []: garbage\n",
			` [control]: {"header": {"service_transaction": "T1"}, "last": true}` + "\n",
		} {
			if !strings.Contains(out.String(), want) {
				t.Errorf("%q is not in %s", want, out.String())
			}
		}
	})
	t.Run("one topic, one transaction, as JSON", func(t *testing.T) {
		out, interrupt := watch(t, "--endpoint", p.frontend, "control", "--transaction", "T1", "-o", "json")
		say()
		eventually(t, out, "last", 1)
		interrupt()
		lines := strings.Split(strings.TrimSpace(out.String()), "\n")
		if len(lines) != 2 {
			t.Fatalf("%d lines: %s", len(lines), out.String())
		}
		var got seen
		if err := json.Unmarshal([]byte(lines[0]), &got); err != nil {
			t.Fatal(err)
		}
		_, payload, _ := strings.Cut(startedFrame, " @@@ ")
		if got.Topic != "control" || got.Endpoint != p.frontend || got.At.IsZero() || !sameJSON(t, payload, string(got.Message)) {
			t.Errorf("got %s", lines[0])
		}
	})
	t.Run("for a time", func(t *testing.T) {
		program(t, "watch", file, "--for", "20ms").expect(t, 0, "", "watching "+p.frontend)
	})
	t.Run("two at once", func(t *testing.T) {
		other := startPeer(t)
		out, interrupt := watch(t, "--endpoint", p.frontend, "--endpoint", other.frontend)
		p.says(`here @@@ {}`)
		eventually(t, out, "[here]", 1)
		other.says(`there @@@ {}`)
		eventually(t, out, "[there]", 1)
		interrupt()
	})
}

func sameJSON(t *testing.T, a, b string) bool {
	t.Helper()
	var x, y any
	if json.Unmarshal([]byte(a), &x) != nil || json.Unmarshal([]byte(b), &y) != nil {
		t.Fatalf("no JSON: %s, %s", a, b)
	}
	m, _ := json.Marshal(x)
	n, _ := json.Marshal(y)
	return string(m) == string(n)
}
