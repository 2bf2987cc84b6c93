package top

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"zmicroservices/test/harness"
)

// page asks the provider's page.
type page struct {
	t      *testing.T
	url    string // as the log names it
	client http.Client
}

func visit(t *testing.T, p *harness.Provider) *page {
	t.Helper()
	url := fmt.Sprint(p.Await("page is open")["http"])
	return &page{t: t, url: url, client: http.Client{Timeout: harness.Patience, Transport: &http.Transport{DisableKeepAlives: true}}}
}

// get gives what a path says.
func (g *page) get(path string) (int, string) {
	g.t.Helper()
	r, err := g.client.Get(g.url + path)
	if err != nil {
		g.t.Fatal(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(bufio.NewReader(r.Body))
	if err != nil {
		g.t.Fatal(err)
	}
	return r.StatusCode, string(body)
}

func TestThePageIsOneForPrometheus(t *testing.T) {
	p := harness.Start(t, three(t), "--start", "--http", "127.0.0.1:0")
	g := visit(t, p)
	var text string
	await(t, "what the services cost", func() bool {
		_, text = g.get("metrics")
		return strings.Contains(text, `zms_task_last_exit_code{context="context001",task="ts002",task_instance="Unlucky"} 7`) &&
			strings.Contains(text, `zms_tasks{context="context001",state="started"} 2`) &&
			strings.Contains(text, `zms_task_processes{context="context001",task="ts003",task_instance="Sleeper"} 2`)
	})
	for _, want := range []string{
		`zms_task_up\{context="context001",task="ts001",task_instance="Printer"\} 1`,
		`zms_task_resident_memory_bytes\{context="context001",task="ts001",task_instance="Printer"\} [1-9]`,
		`zms_task_open_fds\{context="context001",task="ts001",task_instance="Printer"\} [3-9]`,
		`zms_self_cpu_seconds_total\{context="context001",process="keeper"\} 0\.\d+`,
		`zms_start_duration_seconds_count\{context="context001"\} 3`,
	} {
		if !regexp.MustCompile(want).MatchString(text) {
			t.Errorf("there is no %s in\n%s", want, text)
		}
	}
	if code, body := g.get("readyz"); code != 503 || !strings.Contains(body, "ts002 (Unlucky) failed: exited with code 7") {
		t.Errorf("/readyz: %d %s", code, body)
	}
	if code, body := g.get("healthz"); code != 200 || body != "ok\n" {
		t.Errorf("/healthz: %d %s", code, body)
	}
	p.Stop()
	promtool(t, text)
}

// promtool has the metrics checked by those who made the format.
func promtool(t *testing.T, text string) {
	t.Helper()
	program, err := exec.LookPath("promtool")
	if err != nil {
		const need = "promtool is not here: apt-get install prometheus"
		if os.Getenv("CI") == "true" {
			t.Fatal(need)
		}
		t.Skip(need)
	}
	check := exec.Command(program, "check", "metrics")
	check.Stdin = strings.NewReader(text)
	if out, err := check.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("promtool: %v: %s", err, out)
	}
}

func TestAPageThatOthersCouldReachIsRefused(t *testing.T) {
	for flag, want := range map[string]struct {
		code int
		says string
	}{
		"--http=0.0.0.0:0": {1, "add --insecure if that is meant"},
		"--http=nonsense":  {2, "is not host:port"},
	} {
		dir := t.TempDir()
		r := harness.Run(t, nil, "service_context", flag, "--state_dir="+dir, "--runtime_dir="+dir, three(t))
		if r.Code != want.code || !strings.Contains(r.Stderr, want.says) {
			t.Errorf("%s: %d %s", flag, r.Code, r.Stderr)
		}
	}
}
