package interop

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"zmicroservices/test/harness"
)

// python is the interpreter that Debian's python3-zmq belongs to.
const python = "/usr/bin/python3"

// needPyzmq skips the test, visibly, where there is no pyzmq.
func needPyzmq(t testing.TB) {
	t.Helper()
	if exec.Command(python, "-c", "import zmq").Run() == nil {
		return
	}
	const help = "needs pyzmq: apt-get install python3-zmq"
	if os.Getenv("CI") == "true" {
		t.Fatal(help)
	}
	t.Skip(help)
}

// peer is a pyzmq process on the bus: a SUB and a PUB.
type peer struct {
	t    testing.TB
	in   io.WriteCloser
	seen chan sighting // sent and closed by read; capacity: what comes while a test looks elsewhere
	past []string      // of what expect has passed, for a failure
}

// sighting is what a peer saw.
type sighting struct {
	harness.Message
	Ready     bool    `json:"ready"`
	When      float64 `json:"at"` // epoch seconds, as the peer read it
	Frames    int     `json:"frames"`
	Text      string  `json:"raw"`
	Canonical bool    `json:"canonical"`
}

// observe starts a peer with these subscriptions; it is joined when it returns.
func observe(t testing.TB, p *harness.Provider, topics ...string) *peer {
	t.Helper()
	needPyzmq(t)
	cmd := exec.Command(python, append([]string{"testdata/peer.py", p.Subscribe, p.Publish}, topics...)...)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	b := &peer{t: t, in: in, seen: make(chan sighting, 10_000)}
	go b.read(out) // ends with the peer's stdout
	t.Cleanup(func() {
		in.Close()
		for range b.seen { // Wait must not close the pipe under read
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("pyzmq peer: %v", err)
		}
	})
	if first := b.next(); !first.Ready {
		t.Fatalf("pyzmq peer said %+v", first)
	}
	return b
}

func (b *peer) read(out io.Reader) {
	defer close(b.seen)
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var s sighting
		if json.Unmarshal(lines.Bytes(), &s) != nil {
			continue
		}
		s.Message = harness.Parse([]byte(s.Text))
		b.seen <- s
	}
}

// next gives the next message, context info included.
func (b *peer) next() sighting {
	b.t.Helper()
	timeout := time.NewTimer(harness.Patience)
	defer timeout.Stop()
	select {
	case s, ok := <-b.seen:
		if !ok {
			b.t.Fatalf("the pyzmq peer has ended, after\n%s", strings.Join(b.past, "\n"))
		}
		return s
	case <-timeout.C:
		b.t.Fatalf("nothing came for %v, after\n%s", harness.Patience, strings.Join(b.past, "\n"))
	}
	panic("unreachable")
}

// message is the next one that an observer of services looks at: neither
// context info, nor monitoring, nor the outcome of a command.
func (b *peer) message() sighting {
	b.t.Helper()
	for {
		s := b.next()
		switch {
		case s.Topic == "control" && s.Action == "update" && s.ServiceName == "context":
		case s.Topic == "context" && s.Action == "monitor":
		default:
			b.past = append(b.past, "\t"+words(s))
			return s
		}
	}
}

// words are what a scenario is written in: "control started ts001 success".
func words(s sighting) string {
	text := fmt.Sprintf("%s %s %s", s.Topic, s.Action, s.ServiceID)
	if result, ok := s.Status["result"]; ok {
		text += fmt.Sprint(" ", result)
	}
	return text
}

// expect compares the next messages, in their order.
func (b *peer) expect(want ...string) []sighting {
	b.t.Helper()
	var got []sighting
	for _, w := range want {
		s := b.message()
		if words(s) != w {
			b.t.Fatalf("saw %q, want %q, after\n%s", words(s), w, strings.Join(b.past, "\n"))
		}
		got = append(got, s)
	}
	return got
}

// result is the next outcome of a command.
func (b *peer) result() sighting {
	b.t.Helper()
	for {
		s := b.next()
		if s.Status["device_action"] == "command_result" {
			return s
		}
	}
}

// on is the next message that is so.
func (b *peer) on(what string, is func(sighting) bool) sighting {
	b.t.Helper()
	for {
		s := b.next()
		if is(s) {
			return s
		}
		b.past = append(b.past, "\t"+words(s)+" (waiting for "+what+")")
	}
}

// send publishes a frame.
func (b *peer) send(frame string) { b.order(map[string]string{"send": frame}) }

// sendBytes publishes what is no text.
func (b *peer) sendBytes(frame []byte) { b.order(map[string]string{"hex": hex.EncodeToString(frame)}) }

func (b *peer) order(o map[string]string) {
	b.t.Helper()
	line, err := json.Marshal(o)
	if err != nil {
		b.t.Fatal(err)
	}
	if _, err := b.in.Write(append(line, '\n')); err != nil {
		b.t.Fatal(err)
	}
}

// command publishes a command on context.
func (b *peer) command(action, transaction string, configuration any) {
	b.t.Helper()
	b.publish("context", map[string]any{
		"header": map[string]any{
			"action": action, "service_id": "context001", "service_name": "context", "service_transaction": transaction,
		},
		"content": map[string]any{"configuration": configuration},
	})
}

// publish sends a message as the original frames it.
func (b *peer) publish(topic string, body any) {
	b.t.Helper()
	payload, err := json.MarshalIndent(body, "", "    ")
	if err != nil {
		b.t.Fatal(err)
	}
	b.send(topic + " @@@ " + string(payload))
}

// services is the folder of our sample services.
func services(t testing.TB) string {
	t.Helper()
	dir, err := filepath.Abs("../../services")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}
