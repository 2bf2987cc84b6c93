package main

import (
	"bufio"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// peer is a bus of libzmq's with a provider on it: testdata/peer.py.
type peer struct {
	t                 *testing.T
	backend, frontend string
	in                io.WriteCloser
	lines             chan string // what it heard; sent by the reader of its stdout, closed at its end
}

// patience of a test with a peer: only a fault ever takes it.
const tooLong = 20 * time.Second

func startPeer(t *testing.T) *peer {
	t.Helper()
	return startScript(t, "testdata/peer.py")
}

func startScript(t *testing.T, args ...string) *peer {
	t.Helper()
	const python = "/usr/bin/python3"
	if err := exec.Command(python, "-c", "import zmq").Run(); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("no pyzmq: %v", err)
		}
		t.Skip("no pyzmq; apt-get install python3-zmq")
	}
	cmd := exec.CommandContext(t.Context(), python, args...)
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
	p := &peer{t: t, in: in, lines: make(chan string, 1000)}
	go func() { // ends with the peer's stdout
		defer close(p.lines)
		s := bufio.NewScanner(out)
		s.Buffer(nil, 1<<20)
		for s.Scan() {
			p.lines <- s.Text()
		}
	}()
	t.Cleanup(func() {
		in.Close()
		_ = cmd.Process.Kill() // it has a proxy that nothing else ends
		for range p.lines {
		}
		_ = cmd.Wait()
	})
	var hello struct{ Backend, Frontend string }
	if err := json.Unmarshal([]byte(p.line()), &hello); err != nil {
		t.Fatal(err)
	}
	p.backend, p.frontend = hello.Backend, hello.Frontend
	return p
}

func (p *peer) line() string {
	p.t.Helper()
	select {
	case line, ok := <-p.lines:
		if ok {
			return line
		}
		p.t.Fatal("the peer has ended")
	case <-time.After(tooLong):
		p.t.Fatal("the peer says nothing")
	}
	return ""
}

// heard is the next message that it heard on that topic.
func (p *peer) heard(topic string) string {
	p.t.Helper()
	for {
		var l struct{ Frame string }
		if err := json.Unmarshal([]byte(p.line()), &l); err != nil {
			p.t.Fatal(err)
		}
		if strings.HasPrefix(l.Frame, topic+" @@@ ") {
			return l.Frame
		}
	}
}

// says has it publish a message.
func (p *peer) says(frame string) {
	p.t.Helper()
	line, err := json.Marshal(frame)
	if err != nil {
		p.t.Fatal(err)
	}
	if _, err := p.in.Write(append(line, '\n')); err != nil {
		p.t.Fatal(err)
	}
}

// file is the trio's file on the peer's bus; there is no control socket.
func (p *peer) file() string {
	p.t.Helper()
	p.t.Setenv("ZMS_RUNTIME_DIR", p.t.TempDir())
	return trioAt(p.t, p.frontend, p.backend)
}
