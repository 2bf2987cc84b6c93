package provider

import (
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// visit gives what a path of the provider's page says.
func (s *stage) visit(path string) (int, string) {
	s.t.Helper()
	c := http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := c.Get("http://" + s.p.HTTP() + path)
	if err != nil {
		s.t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return answer.StatusCode, string(body)
}

func TestThePageFollowsWhatHappens(t *testing.T) {
	s := startWith(t, file(t, service("a", "/bin/sleep 1000", "")+service("b", "/bin/sh -c 'sleep 0.05; exit 3'", "")), func(o *Options) { o.HTTP = "127.0.0.1:0" })
	if code, body := s.visit("/readyz"); code != 200 || body != "ready\n" {
		t.Errorf("before anything was asked for: %d %q", code, body)
	}
	s.say("start")
	await(t, "the failure of b to be seen", func() bool {
		code, body := s.visit("/readyz")
		return code == 503 && strings.Contains(body, "b (Ib) failed")
	})
	if code, body := s.visit("/healthz"); code != 200 || body != "ok\n" {
		t.Errorf("health: %d %q", code, body)
	}
	_, text := s.visit("/metrics")
	for _, want := range []string{
		`zms_task_up{context="context001",task="a",task_instance="Ia"} 1`,
		`zms_task_exits_total{context="context001",result="failure",task="b",task_instance="Ib"} 1`,
		`zms_task_last_exit_code{context="context001",task="b",task_instance="Ib"} 3`,
		`zms_task_failures_total{context="context001",task="b",task_instance="Ib"} 1`,
		`zms_self_goroutines{context="context001",process="keeper"} `,
		`zms_bus_messages_total{context="context001",direction="in"} `,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the metrics have no %s", want)
		}
	}
	if _, top := s.visit("/api/top"); !strings.Contains(top, `"task":"a"`) {
		t.Errorf("/api/top is %s", top)
	}
}

func TestAPageBeyondLoopbackIsRefused(t *testing.T) {
	c := file(t, "")
	dir := filepath.Dir(c.File)
	o := Options{Context: c, Logger: slog.New(slog.DiscardHandler), StateDir: filepath.Join(dir, "s"), RuntimeDir: dir, HTTP: "0.0.0.0:0"}
	if _, err := New(o); err == nil || !strings.Contains(err.Error(), "--insecure") {
		t.Errorf("got %v", err)
	}
	o.HTTP = "127.0.0.1:0" // nothing of the first is left
	p, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.site.close(); err != nil {
		t.Error(err)
	}
	_ = p.forwarder.Close()
	if err := p.release(); err != nil {
		t.Error(err)
	}
}
