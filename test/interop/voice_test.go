package interop

import (
	"bufio"
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/go-zeromq/zmq4"

	"zmicroservices/taskservice/zmtp"
	"zmicroservices/test/harness"
)

// voice is a peer of some implementation in a process of its own: a publisher or a
// subscriber of the matrix. All speak the lines of testdata/voice.py.
type voice struct {
	t    testing.TB
	name string
	in   io.WriteCloser
	said chan string // sent and closed by read; capacity: what comes while a test looks elsewhere
}

// maker makes the command of a peer.
type maker func(t testing.TB, kind, endpoint string, prefixes ...string) *exec.Cmd

// pyzmq is libzmq's own socket, with more environment.
func pyzmq(env ...string) maker {
	return func(t testing.TB, kind, endpoint string, prefixes ...string) *exec.Cmd {
		needPyzmq(t)
		cmd := exec.Command(python, append([]string{"testdata/voice.py", kind, endpoint}, prefixes...)...)
		cmd.Env = append(os.Environ(), env...)
		return cmd
	}
}

// czmq is the C binding's, compiled here.
func czmq(env ...string) maker {
	return func(t testing.TB, kind, endpoint string, prefixes ...string) *exec.Cmd {
		program := harness.Compile(t, "needs czmq and a C compiler: apt-get install gcc libc6-dev libczmq-dev", "testdata/voice.c", "-lczmq", "-lzmq")
		cmd := exec.Command(program, append([]string{kind, endpoint}, prefixes...)...)
		cmd.Env = append(os.Environ(), env...)
		return cmd
	}
}

// own is a role of the test binary: see roles.
func own(role string) maker {
	return func(t testing.TB, kind, endpoint string, prefixes ...string) *exec.Cmd {
		cmd := exec.Command(harness.Self(t))
		cmd.Env = append(os.Environ(), harness.RoleVariable+"="+role, "VOICE="+strings.Join(append([]string{kind, endpoint}, prefixes...), " "))
		return cmd
	}
}

// raise starts a peer. It is killed at the end of the test.
func raise(t testing.TB, name string, cmd *exec.Cmd) *voice {
	t.Helper()
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
	v := &voice{t: t, name: name, in: in, said: make(chan string, 1<<16)}
	go v.read(out) // ends with the peer's stdout
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // nothing of it is of interest any more
		for range v.said {     // Wait must not close the pipe under read
		}
		_ = cmd.Wait()
	})
	return v
}

func (v *voice) read(out io.Reader) {
	defer close(v.said)
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		v.said <- lines.Text()
	}
}

// say publishes a message.
func (v *voice) say(frames ...[]byte) { v.order(text(frames)) }

func (v *voice) order(line string) {
	v.t.Helper()
	if _, err := io.WriteString(v.in, line+"\n"); err != nil {
		v.t.Fatalf("%s: %v", v.name, err)
	}
}

// hear is the next message, or nil if none comes for so long.
func (v *voice) hear(patience time.Duration) [][]byte {
	v.t.Helper()
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	select {
	case line, ok := <-v.said:
		switch {
		case !ok:
			v.t.Fatalf("%s has ended", v.name)
		case line == "lost":
			v.t.Fatalf("%s has lost its connection", v.name)
		}
		return frames(v.t, line)
	case <-timeout.C:
		return nil
	}
}

// text writes frames as voice.py does.
func text(frames [][]byte) string {
	var words []string
	for _, f := range frames {
		if len(f) == 0 {
			words = append(words, "-")
			continue
		}
		words = append(words, hex.EncodeToString(f))
	}
	return strings.Join(words, " ")
}

// frames is the reverse of text.
func frames(t testing.TB, line string) (all [][]byte) {
	t.Helper()
	all, err := parseFrames(line)
	if err != nil {
		t.Fatalf("%.80q: %v", line, err)
	}
	return all
}

func parseFrames(line string) (all [][]byte, err error) {
	for _, word := range strings.Fields(line) {
		f, err := hex.DecodeString(strings.TrimPrefix(word, "-"))
		if err != nil {
			return nil, err
		}
		all = append(all, f)
	}
	return all, nil
}

// roles are the peers that the test binary can be.
var roles = map[string]func() error{
	"zmq4":    speakZMQ4,
	"raw 3.0": func() error { return speakRaw(0) },
	"raw 3.1": func() error { return speakRaw(1) },
}

// orders calls do with each line of the standard input.
func orders(do func(line string) error) error {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if err := do(lines.Text()); err != nil {
			return err
		}
	}
	return lines.Err()
}

// speakZMQ4 is a socket of the Go implementation.
func speakZMQ4() error {
	args := strings.Fields(os.Getenv("VOICE"))
	kind, endpoint, prefixes := args[0], args[1], args[2:]
	if kind == "PUB" {
		s := zmq4.NewPub(context.Background())
		if err := s.Dial(endpoint); err != nil {
			return err
		}
		return orders(func(line string) error {
			all, err := parseFrames(line)
			if err != nil {
				return err
			}
			return s.SendMulti(zmq4.NewMsgFrom(all...))
		})
	}
	s := zmq4.NewSub(context.Background())
	if err := s.Dial(endpoint); err != nil {
		return err
	}
	for _, prefix := range prefixes {
		if err := s.SetOption(zmq4.OptionSubscribe, prefix); err != nil {
			return err
		}
	}
	go func() { // ends with the process
		_ = orders(func(line string) error {
			_, prefix, _ := strings.Cut(line, " ")
			return s.SetOption(zmq4.OptionUnsubscribe, prefix)
		})
		os.Exit(0)
	}()
	for {
		m, err := s.Recv()
		if err != nil {
			return err
		}
		fmt.Println(text(m.Frames))
	}
}

// speakRaw is ZMTP by hand, in one of its versions.
func speakRaw(minor byte) error {
	args := strings.Fields(os.Getenv("VOICE"))
	kind, endpoint, prefixes := args[0], args[1], args[2:]
	c, err := harness.Connect(endpoint)
	if err != nil {
		return err
	}
	in := bufio.NewReader(c)
	if err := shake(c, in, minor, kind); err != nil {
		return err
	}
	version := zmtp.Greeting{Major: 3, Minor: minor}
	if kind == "PUB" {
		go func() { // ends with the connection
			_, _ = io.Copy(io.Discard, in)
			os.Exit(1)
		}()
		return orders(func(line string) error {
			all, err := parseFrames(line)
			if err != nil {
				return err
			}
			var wire []byte
			for i, f := range all {
				flags := zmtp.More
				if i == len(all)-1 {
					flags = 0
				}
				wire = zmtp.AppendFrame(wire, flags, f)
			}
			_, err = c.Write(wire)
			return err
		})
	}
	subscribe := func(prefix string, on bool) error {
		_, err := c.Write(zmtp.AppendSubscription(nil, version, on, []byte(prefix)))
		return err
	}
	for _, prefix := range prefixes {
		if err := subscribe(prefix, true); err != nil {
			return err
		}
	}
	go func() { // ends with the process
		_ = orders(func(line string) error {
			_, prefix, _ := strings.Cut(line, " ")
			return subscribe(prefix, false)
		})
		os.Exit(0)
	}()
	var message [][]byte
	for {
		h, body, err := frame(in)
		if err != nil {
			return err
		}
		if h.Command() {
			continue // a PING, of which there are none within this time
		}
		if message = append(message, body); !h.More() {
			fmt.Println(text(message))
			message = nil
		}
	}
}

func shake(c net.Conn, in *bufio.Reader, minor byte, kind string) error {
	hello := zmtp.AppendGreeting(nil, zmtp.Greeting{Major: 3, Minor: minor, Mechanism: "NULL"})
	if _, err := c.Write(append(hello, harness.Ready(zmtp.SocketType(kind))...)); err != nil {
		return err
	}
	if _, err := io.ReadFull(in, make([]byte, zmtp.GreetingSize)); err != nil {
		return err
	}
	h, body, err := frame(in)
	if err != nil {
		return err
	}
	if !h.Command() || !bytes.HasPrefix(body, []byte("\x05READY")) {
		return fmt.Errorf("%q is no READY", body)
	}
	return nil
}

func frame(in *bufio.Reader) (h zmtp.Header, body []byte, err error) {
	first, err := in.Peek(2)
	if err != nil {
		return h, nil, err
	}
	size := len(first)
	if zmtp.Flags(first[0])&zmtp.Long != 0 {
		size = zmtp.MaxHeader
	}
	header, err := in.Peek(size)
	if err != nil {
		return h, nil, err
	}
	if h, err = zmtp.ParseHeader(header); err != nil {
		return h, nil, err
	}
	if h.Size > 1<<20 {
		return h, nil, errors.New("a frame longer than any of ours")
	}
	_, _ = in.Discard(size) // was peeked
	body = make([]byte, h.Size)
	_, err = io.ReadFull(in, body)
	return h, body, err
}
