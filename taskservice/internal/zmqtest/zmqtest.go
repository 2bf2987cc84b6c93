// Package zmqtest gives tests of taskservice real libzmq peers: a forwarder,
// observers, publishers, each a Python process with Debian's python3-zmq.
// Nothing but tests imports it.
//
//	f := zmqtest.NewForwarder(t, zmqtest.Device)
//	o := f.Observe(t, "control")
//	…
//	frame := o.Next(t)
package zmqtest

import (
	"bufio"
	_ "embed"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"testing"
	"time"
)

//go:embed peer.py
var script string

// Python is the interpreter that Debian's python3-zmq belongs to.
const Python = "/usr/bin/python3"

// patience is what a test waits for one thing on a busy machine.
const patience = 20 * time.Second

var probe = sync.OnceValue(func() error {
	return exec.Command(Python, "-c", "import zmq").Run()
})

// Need skips the test where there is no pyzmq, and fails it under CI, where
// there has to be.
func Need(t testing.TB) {
	t.Helper()
	if err := probe(); err != nil {
		const remedy = "no pyzmq at " + Python + " (%v); apt-get install python3-zmq"
		if os.Getenv("CI") == "true" {
			t.Fatalf(remedy, err)
		}
		t.Skipf(remedy, err)
	}
}

// peer is one Python process.
type peer struct {
	cmd   *exec.Cmd
	in    io.WriteCloser
	lines chan []byte // sent and closed by the reader; capacity: what a test may leave unread
	gone  sync.Once
}

func start(t testing.TB, s *Security, args ...string) *peer {
	t.Helper()
	Need(t)
	cmd := exec.Command(Python, append([]string{"-c", script}, args...)...)
	cmd.Env = append(os.Environ(), s.env(t)...)
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
	p := &peer{cmd: cmd, in: in, lines: make(chan []byte, 1<<16)}
	go func() { // ends with the process
		defer close(p.lines)
		r := bufio.NewReader(out)
		for {
			line, err := r.ReadBytes('\n')
			if err != nil {
				return
			}
			p.lines <- line
		}
	}()
	t.Cleanup(p.Kill)
	return p
}

// Kill ends the process without a word, as a crash would, and waits for it.
func (p *peer) Kill() {
	p.gone.Do(func() {
		p.cmd.Process.Kill()
		for range p.lines {
		}
		p.cmd.Wait()
	})
}

func (p *peer) read(t testing.TB, into any) {
	t.Helper()
	select {
	case line, ok := <-p.lines:
		if !ok {
			t.Fatal("the Python peer has ended")
		}
		if err := json.Unmarshal(line, into); err != nil {
			t.Fatalf("%v in %q", err, line)
		}
	case <-time.After(patience):
		t.Fatalf("nothing came within %v", patience)
	}
}

// Style is the kind of a forwarder.
type Style string

// Device is a SUB that subscribes to everything and a PUB, as the original's
// forwarder; Proxy an XSUB and an XPUB, which passes subscriptions through.
const (
	Device Style = "device"
	Proxy  Style = "proxy"
)

// Forwarder is a libzmq forwarder in a process of its own.
type Forwarder struct {
	Frontend string // subscribe here
	Backend  string // publish here

	style     Style
	heartbeat time.Duration
	security  *Security
	staged    bool // publishers cannot connect yet
	*peer
}

// NewForwarder starts one on free ports of the loopback.
func NewForwarder(t testing.TB, style Style) *Forwarder {
	t.Helper()
	f := &Forwarder{style: style, Frontend: "tcp://127.0.0.1:*", Backend: "tcp://127.0.0.1:*"}
	f.Start(t)
	return f
}

// NewSecureForwarder is NewForwarder with a mechanism; its observers have it, too.
func NewSecureForwarder(t testing.TB, style Style, s *Security) *Forwarder {
	t.Helper()
	f := &Forwarder{style: style, security: s, Frontend: "tcp://127.0.0.1:*", Backend: "tcp://127.0.0.1:*"}
	f.Start(t)
	return f
}

// ObserveAt is an observer at endpoints of somebody else's forwarder.
func ObserveAt(t testing.TB, s *Security, frontend, backend string, topics ...string) *Observer {
	t.Helper()
	return (&Forwarder{security: s, Frontend: frontend, Backend: backend}).Observe(t, topics...)
}

// NewForwarderAt starts one at endpoints of the test's choice, which pings its
// peers so often (0: never).
func NewForwarderAt(t testing.TB, style Style, frontend, backend string, heartbeat time.Duration) *Forwarder {
	t.Helper()
	f := &Forwarder{style: style, Frontend: frontend, Backend: backend, heartbeat: heartbeat}
	f.Start(t)
	return f
}

// Start starts it again after Kill, where it was before.
func (f *Forwarder) Start(t testing.TB) {
	t.Helper()
	f.launch(t, "")
	f.await(t)
}

// StartFrontend is Start for subscribers alone. Publishers cannot connect until
// StartBackend, so that a test can have its observers there before anyone speaks.
func (f *Forwarder) StartFrontend(t testing.TB) {
	t.Helper()
	f.launch(t, "staged")
	f.staged = true
	var half string
	f.read(t, &half)
}

// StartBackend completes StartFrontend.
func (f *Forwarder) StartBackend(t testing.TB) {
	t.Helper()
	if _, err := f.in.Write([]byte("\n")); err != nil {
		t.Fatal(err)
	}
	f.await(t)
}

func (f *Forwarder) launch(t testing.TB, staged string) {
	t.Helper()
	f.peer = start(t, f.security, "forwarder", string(f.style), f.Backend, f.Frontend, strconv.Itoa(int(f.heartbeat.Milliseconds())), staged)
}

func (f *Forwarder) await(t testing.TB) {
	t.Helper()
	var bound [2]string
	f.read(t, &bound)
	f.Backend, f.Frontend, f.staged = bound[0], bound[1], false
}

// Observer prints what it is subscribed to.
type Observer struct{ *peer }

// Observe gives an observer that hears whatever is said from now on; no topics
// mean all of them.
func (f *Forwarder) Observe(t testing.TB, topics ...string) *Observer {
	t.Helper()
	backend := f.Backend
	if f.staged {
		backend = ""
	}
	o := &Observer{start(t, f.security, append([]string{"observer", f.Frontend, backend}, topics...)...)}
	var connected string
	o.read(t, &connected)
	return o
}

// Next is the next message, its frames joined by "|".
func (o *Observer) Next(t testing.TB) string {
	t.Helper()
	var frames []string
	o.read(t, &frames)
	s := ""
	for i, f := range frames {
		if i > 0 {
			s += "|"
		}
		s += f
	}
	return s
}

// Waiting is how many messages have come and were not asked for.
func (o *Observer) Waiting() int { return len(o.lines) }

// Publisher sends with libzmq.
type Publisher struct{ *peer }

// NewPublisher has been subscribed to when it returns.
func NewPublisher(t testing.TB, backend string) *Publisher {
	t.Helper()
	return NewSecurePublisher(t, nil, backend)
}

// NewSecurePublisher is NewPublisher with a mechanism.
func NewSecurePublisher(t testing.TB, s *Security, backend string) *Publisher {
	t.Helper()
	p := &Publisher{start(t, s, "publisher", backend)}
	var connected string
	p.read(t, &connected)
	return p
}

// Send sends one message of one or more frames.
func (p *Publisher) Send(t testing.TB, frames ...string) {
	t.Helper()
	line, err := json.Marshal(frames)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.in.Write(append(line, '\n')); err != nil {
		t.Fatal(err)
	}
	var sent string
	p.read(t, &sent)
}
