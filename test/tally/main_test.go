// Package tally has a real Prometheus ask what the built product has counted of the
// events that libzmq publishes.
package tally

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"zmicroservices/test/harness"
)

func TestMain(m *testing.M) { harness.Main(m, nil) }

// tool is a program of Prometheus.
func tool(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err == nil {
		return path
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("no %s: apt-get install prometheus", name)
	}
	t.Skipf("no %s: apt-get install prometheus", name)
	return ""
}

// publisher publishes what it reads, a line a message, once somebody has subscribed.
const publisher = `
import sys, zmq
context = zmq.Context()
socket = context.socket(zmq.XPUB)
socket.linger = 10000
socket.connect(sys.argv[1])
socket.recv()
for line in sys.stdin:
    socket.send_string(line.rstrip("\n"))
socket.close()
context.term()
`

func publish(t *testing.T, p *harness.Provider, frames ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), harness.Python(t), "-c", publisher, p.Publish)
	cmd.Stdin = strings.NewReader(strings.Join(frames, "\n") + "\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("publish: %v: %s", err, out)
	}
}

// event is one as another program than ours would write it.
func event(kind, component, identity, version string) string {
	return fmt.Sprintf(`choria.lifecycle.event.%[1]s.%[2]s @@@ {"protocol": "io.choria.lifecycle.v1.%[1]s", "id": "01e72410-d734-4611-9485-8c6a2dd2579b", "identity": %[3]q, "component": %[2]q, "timestamp": 1535369537, "version": %[4]q}`,
		kind, component, identity, version)
}

// get is what a page says.
func get(t *testing.T, from string) (string, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, from, nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", answer.Status, body)
	}
	return string(body), err
}

// until asks until the answer is right.
func until[A any](t *testing.T, what string, ask func() (A, error), right func(A) bool) A {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(harness.Patience); ; <-tick.C {
		answer, err := ask()
		if err == nil && right(answer) {
			return answer
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: %v, %v", what, answer, err)
		}
	}
}

// shows waits until a page has all of these lines.
func shows(t *testing.T, page string, lines ...string) string {
	t.Helper()
	return until(t, strings.Join(lines, ", "), func() (string, error) { return get(t, page) }, func(text string) bool {
		for _, line := range lines {
			if !strings.Contains(text, "\n"+line+"\n") {
				return false
			}
		}
		return true
	})
}

// prometheus runs one that scrapes a page ten times a second, and is where it can be asked.
func prometheus(t *testing.T, page string) string {
	t.Helper()
	program, dir := tool(t, "prometheus"), t.TempDir()
	scraped, err := url.Parse(page)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "prometheus.yml")
	text := fmt.Sprintf("global: {scrape_interval: 100ms, scrape_timeout: 100ms}\nscrape_configs:\n- job_name: tally\n  static_configs:\n  - targets: [%q]\n", scraped.Host)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addr().String()
	free.Close()
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	cmd := exec.Command(program, "--config.file="+file, "--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+address)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
		if t.Failed() {
			said, _ := os.ReadFile(log.Name())
			t.Logf("prometheus: %s", said)
		}
	})
	return "http://" + address
}

// query asks a Prometheus for the one value of an expression; "" if there is none.
func query(t *testing.T, at, expression string) (string, error) {
	t.Helper()
	text, err := get(t, at+"/api/v1/query?query="+url.QueryEscape(expression))
	if err != nil {
		return "", err
	}
	var answer struct {
		Data struct {
			Result []struct {
				Value [2]any `json:"value"`
			} `json:"result"`
		} `json:"data"`
	}
	if err := json.Unmarshal([]byte(text), &answer); err != nil || len(answer.Data.Result) != 1 {
		return "", err
	}
	return fmt.Sprint(answer.Data.Result[0].Value[1]), nil
}
