package top

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
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

// A provider that finds services waiting for it takes them, whoever has its port by now.
func TestServicesDoNotWaitForThePortOfThePage(t *testing.T) {
	p := harness.Start(t, three(t), "--start", "--http", "127.0.0.1:0")
	g := visit(t, p)
	await(t, "services that wait", func() bool {
		_, text := g.get("metrics")
		return strings.Contains(text, `zms_tasks{context="context001",state="started"} 2`)
	})
	addr := strings.Trim(strings.TrimPrefix(g.url, "http:"), "/")
	if err := syscall.Kill(p.PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	var other net.Listener
	await(t, "the provider's port to be free", func() (free bool) {
		l, err := net.Listen("tcp", addr)
		other = l
		return err == nil
	})
	defer other.Close()
	next := exec.Command(harness.Tool(t, "service_context"), "--http", addr, "--state_dir", p.StateDir, "--runtime_dir", runtimeDir(p), p.File)
	next.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	log, err := next.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := next.Start(); err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	for lines := bufio.NewScanner(log); lines.Scan(); {
		said.WriteString(lines.Text() + "\n")
		if strings.Contains(lines.Text(), "provider is ready") {
			_ = next.Process.Signal(syscall.SIGTERM) // to its end it is read
		}
	}
	if err := next.Wait(); err != nil || !strings.Contains(said.String(), "page is not open") || !strings.Contains(said.String(), "provider is ready") {
		t.Errorf("%v:\n%s", err, said.String())
	}
}
