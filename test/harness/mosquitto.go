package harness

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Mosquitto is an MQTT broker of a test's own, on loopback.
type Mosquitto struct {
	Dir  string   // for its files, and those of the test
	Args []string // more flags for Sub and Pub: who they are

	t      testing.TB
	port   int
	config []string
	cmd    *exec.Cmd
}

// StartMosquitto runs one with these lines in its configuration, beside the listener;
// %DIR% in them is Dir. prepare, which may be nil, writes files there before. Without
// Mosquitto the test is skipped, or fails where everything has to be judged.
func StartMosquitto(t testing.TB, prepare func(dir string), config ...string) *Mosquitto {
	t.Helper()
	for _, program := range []string{mosquitto, "mosquitto_sub", "mosquitto_pub", "mosquitto_passwd"} {
		if _, err := exec.LookPath(program); err == nil {
			continue
		}
		if os.Getenv("CI") == "true" {
			t.Fatalf("no %s: apt-get install mosquitto mosquitto-clients", program)
		}
		t.Skipf("no %s: apt-get install mosquitto mosquitto-clients", program)
	}
	m := &Mosquitto{Dir: t.TempDir(), t: t, config: config}
	if prepare != nil {
		prepare(m.Dir)
	}
	t.Cleanup(m.Kill)
	// The kernel gives a free port, that somebody else may take before Mosquitto does.
	for attempt := 1; ; attempt++ {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		m.port = l.Addr().(*net.TCPAddr).Port //nolint:errcheck // tcp has these
		l.Close()
		said, ok := m.start()
		if ok {
			return m
		}
		if attempt == 5 {
			t.Fatalf("mosquitto does not start: %s", said)
		}
	}
}

const mosquitto = "/usr/sbin/mosquitto" // Debian's; not everybody has it in PATH

// Start runs it again, on the port that it had.
func (m *Mosquitto) Start() {
	m.t.Helper()
	if said, ok := m.start(); !ok {
		m.t.Fatalf("mosquitto does not start again: %s", said)
	}
}

func (m *Mosquitto) start() (said string, ok bool) {
	m.t.Helper()
	lines := append([]string{
		fmt.Sprintf("listener %d 127.0.0.1", m.port), "persistence false", "log_dest stderr", "user root", // ignored unless root runs it
	}, m.config...)
	path := filepath.Join(m.Dir, "mosquitto.conf")
	text := strings.ReplaceAll(strings.Join(lines, "\n")+"\n", "%DIR%", m.Dir)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		m.t.Fatal(err)
	}
	cmd := exec.Command(mosquitto, "-c", path)
	out, err := cmd.StderrPipe()
	if err != nil {
		m.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		m.t.Fatal(err)
	}
	var all strings.Builder
	scanner := bufio.NewScanner(out)
	for scanner.Scan() {
		fmt.Fprintln(&all, scanner.Text())
		if strings.HasSuffix(scanner.Text(), " running") {
			m.cmd = cmd
			go io.Copy(io.Discard, out) //nolint:errcheck // ends with the broker
			return "", true
		}
	}
	_ = cmd.Wait() // it said why
	return all.String(), false
}

// Kill ends it at once, if it runs.
func (m *Mosquitto) Kill() {
	if m.cmd != nil {
		_ = m.cmd.Process.Kill()
		_ = m.cmd.Wait()
		m.cmd = nil
	}
}

// Port is where it listens, on 127.0.0.1.
func (m *Mosquitto) Port() int { return m.port }

// URL is where it listens, for our tools.
func (m *Mosquitto) URL() string { return fmt.Sprintf("mqtt://127.0.0.1:%d", m.port) }

func (m *Mosquitto) flags(more ...string) []string {
	return append(append([]string{"-h", "127.0.0.1", "-p", strconv.Itoa(m.port)}, m.Args...), more...)
}

// Pub publishes by mosquitto_pub, with QoS 1 and these flags.
func (m *Mosquitto) Pub(topic, payload string, flags ...string) {
	m.t.Helper()
	source := "-s" // the standard input, which is never nothing
	if payload == "" {
		source = "-n"
	}
	cmd := exec.Command("mosquitto_pub", m.flags(append([]string{"-q", "1", "-t", topic, source}, flags...)...)...)
	cmd.Stdin = strings.NewReader(payload)
	if out, err := cmd.CombinedOutput(); err != nil {
		m.t.Fatalf("mosquitto_pub: %v\n%s", err, out)
	}
}

// Heard is a mosquitto_sub that runs.
type Heard struct {
	t    testing.TB
	mu   sync.Mutex // guards the rest
	news chan struct{}
	all  []string
	gone bool
}

// version is a topic that Mosquitto has a retained message for. mosquitto_sub hears it
// when all of its subscriptions stand.
const version = "$SYS/broker/version"

// Sub listens by mosquitto_sub from when it returns until the test ends. A message is one
// line: its topic, 1 if it was retained, else 0, and its payload.
func (m *Mosquitto) Sub(topics ...string) *Heard {
	m.t.Helper()
	flags := m.flags("-q", "1", "-F", "%t %r %p")
	for _, topic := range append(append([]string(nil), topics...), version) {
		flags = append(flags, "-t", topic)
	}
	cmd := exec.Command("mosquitto_sub", flags...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		m.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		m.t.Fatal(err)
	}
	h := &Heard{t: m.t, news: make(chan struct{})}
	subscribed, ended := make(chan struct{}), make(chan struct{})
	go func() { // ends with mosquitto_sub
		defer close(ended)
		in := bufio.NewReader(out)
		for first := true; ; {
			line, err := in.ReadString('\n')
			marker := strings.HasPrefix(line, version)
			if marker && first {
				close(subscribed)
				first = false
			}
			h.add(strings.TrimSuffix(line, "\n"), !marker && err == nil, err != nil)
			if err != nil {
				return
			}
		}
	}()
	m.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-ended
		_ = cmd.Wait()
	})
	select {
	case <-subscribed:
	case <-ended:
		m.t.Fatal("mosquitto_sub has ended")
	case <-time.After(Patience):
		m.t.Fatal("mosquitto_sub does not subscribe")
	}
	return h
}

func (h *Heard) add(message string, is, gone bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if is {
		h.all = append(h.all, message)
	}
	h.gone = gone
	close(h.news)
	h.news = make(chan struct{})
}

// All is what was heard so far.
func (h *Heard) All() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]string(nil), h.all...)
}

// Until waits for a message with all these words in it, and gives it.
func (h *Heard) Until(words ...string) string {
	h.t.Helper()
	deadline := time.After(Patience)
	for {
		h.mu.Lock()
		all, gone, news := h.all, h.gone, h.news
		h.mu.Unlock()
		for _, message := range all {
			if hasAll(message, words) {
				return message
			}
		}
		if gone {
			h.t.Fatalf("mosquitto_sub has ended, %q was not heard; but\n%s", words, strings.Join(all, "\n"))
		}
		select {
		case <-news:
		case <-deadline:
			h.t.Fatalf("%q was not heard; but\n%s", words, strings.Join(all, "\n"))
		}
	}
}

// Count is how many messages have all these words in them.
func (h *Heard) Count(words ...string) int {
	n := 0
	for _, message := range h.All() {
		if hasAll(message, words) {
			n++
		}
	}
	return n
}

func hasAll(text string, words []string) bool {
	for _, word := range words {
		if !strings.Contains(text, word) {
			return false
		}
	}
	return true
}
