package harness

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// PahoAgent is an agent of the watchdog that knows MQTT and nothing of ours: the one in
// services/watchdog/mqtt/testdata, run by Python.
type PahoAgent struct {
	t   testing.TB
	cmd *exec.Cmd
	end sync.Once

	mu   sync.Mutex // guards said
	said bytes.Buffer
}

// StartPahoAgent runs it against a broker until it is killed, or the test ends. Without
// paho the test is skipped, or fails where everything has to be judged.
func StartPahoAgent(t testing.TB, broker *Mosquitto, name string) *PahoAgent {
	t.Helper()
	const python = "/usr/bin/python3"
	if exec.Command(python, "-c", "import paho.mqtt.client").Run() != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("no paho: apt-get install python3-paho-mqtt")
		}
		t.Skip("no paho: apt-get install python3-paho-mqtt")
	}
	root, err := moduleRoot()
	if err != nil {
		t.Fatal(err)
	}
	a := &PahoAgent{t: t}
	a.cmd = exec.Command(python, filepath.Join(root, "services/watchdog/mqtt/testdata/agent.py"), "127.0.0.1", strconv.Itoa(broker.Port()), name)
	a.cmd.Stdout, a.cmd.Stderr = a, a
	if err := a.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Kill)
	return a
}

// Write takes what it says.
func (a *PahoAgent) Write(b []byte) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.said.Write(b)
}

// Kill kills it, which its broker finds out.
func (a *PahoAgent) Kill() {
	a.end.Do(func() {
		_ = a.cmd.Process.Kill()
		_ = a.cmd.Wait()
	})
}

// Said is all that it has said: "gid …" when it is onboarded, "command …" when it was
// asked for something.
func (a *PahoAgent) Said() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.said.String()
}

// Until waits until it has said something as often as that.
func (a *PahoAgent) Until(text string, times int) {
	a.t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(Patience); strings.Count(a.Said(), text) < times; <-tick.C {
		if time.Now().After(deadline) {
			a.t.Fatalf("the agent does not say %q %d times: %s", text, times, a.Said())
		}
	}
}

// GIDs are those that it was told.
func (a *PahoAgent) GIDs() (all []string) {
	for line := range strings.Lines(a.Said()) {
		if gid, is := strings.CutPrefix(strings.TrimSpace(line), "gid "); is {
			all = append(all, gid)
		}
	}
	return all
}
