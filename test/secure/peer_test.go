package secure

import (
	"bufio"
	_ "embed"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"zmicroservices/test/harness"
)

func TestMain(m *testing.M) { harness.Main(m, nil) }

//go:embed testdata/peer.py
var peerProgram string

// peer is a pyzmq process on the bus.
type peer struct {
	t    testing.TB
	in   io.WriteCloser
	seen chan sighting // sent and closed by read; capacity: what comes while a test looks elsewhere
	past []sighting    // what was seen and not waited for
}

// sighting is what a peer saw: an event of its sockets, or a message.
type sighting struct {
	Event  string   `json:"event"`
	Frames []string `json:"frames"`
}

// join starts a peer with a certificate's file, a USER:PASSWORD or "null".
func join(t testing.TB, p *harness.Provider, security string) *peer {
	t.Helper()
	return joinAs(t, p, security, nil)
}

// joinAs is join as another user; nil is our own.
func joinAs(t testing.TB, p *harness.Provider, security string, who *syscall.Credential) *peer {
	t.Helper()
	cmd := exec.Command(harness.Python(t), "-c", peerProgram, p.Subscribe, p.Publish, security)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Credential: who}
	cmd.Dir = "/" // which every user may enter
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
		_ = in.Close()
		for range b.seen { // Wait must not close the pipe under read
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("pyzmq peer: %v", err)
		}
	})
	return b
}

func (b *peer) read(out io.Reader) {
	defer close(b.seen)
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var s sighting
		if json.Unmarshal(lines.Bytes(), &s) == nil {
			b.seen <- s
		}
	}
}

// until gives the first thing that is so.
func (b *peer) until(what string, is func(sighting) bool) sighting {
	b.t.Helper()
	timeout := time.NewTimer(harness.Patience)
	defer timeout.Stop()
	for {
		select {
		case s, ok := <-b.seen:
			if !ok {
				b.t.Fatalf("the pyzmq peer has ended before %s, after\n%v", what, b.past)
			}
			if is(s) {
				return s
			}
			b.past = append(b.past, s)
		case <-timeout.C:
			b.t.Fatalf("waited in vain for %s, after\n%v", what, b.past)
		}
	}
}

// event waits for these events of its sockets, in any order.
func (b *peer) event(names ...string) {
	b.t.Helper()
	left := map[string]bool{}
	for _, n := range names {
		left[n] = true
	}
	for len(left) > 0 {
		s := b.until(strings.Join(names, ", "), func(s sighting) bool { return left[s.Event] })
		delete(left, s.Event)
	}
}

// ready waits until its connections are let in, and the forwarder has subscribed.
func (b *peer) ready() *peer {
	b.t.Helper()
	b.event("sub joined", "pub joined", "pub ready")
	return b
}

// hail returns when b and the others hear what b says: subscriptions are in force
// then, which no event tells.
func (b *peer) hail(others ...*peer) {
	b.t.Helper()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	timeout := time.After(harness.Patience)
	const word = "hail @@@ {}"
	b.say(word)
	for _, p := range append(others, b) {
		for heard := false; !heard; {
			select {
			case s, ok := <-p.seen:
				if !ok {
					b.t.Fatal("a pyzmq peer has ended")
				}
				if heard = len(s.Frames) == 1 && s.Frames[0] == word; !heard {
					p.past = append(p.past, s)
				}
			case <-again.C:
				b.say(word)
			case <-timeout:
				b.t.Fatal("what is said is not heard")
			}
		}
	}
}

// hears waits for a message that contains a text.
func (b *peer) hears(part string) string {
	b.t.Helper()
	s := b.until(part, func(s sighting) bool { return strings.Contains(strings.Join(s.Frames, "\n"), part) })
	return strings.Join(s.Frames, "\n")
}

// never says that nothing of what was seen so far contains a text.
func (b *peer) never(part string) {
	b.t.Helper()
	for _, s := range b.past {
		if text := strings.Join(s.Frames, "\n"); strings.Contains(text, part) {
			b.t.Errorf("%q was seen: %.300s", part, text)
		}
	}
}

// say publishes messages of one frame.
func (b *peer) say(messages ...string) {
	b.t.Helper()
	for _, m := range messages {
		b.sayFrames(m)
	}
}

func (b *peer) sayFrames(frames ...string) {
	b.t.Helper()
	if _, err := io.WriteString(b.in, harness.JSON(frames)+"\n"); err != nil {
		b.t.Fatal(err)
	}
}
