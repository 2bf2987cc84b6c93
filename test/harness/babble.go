package harness

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"zmicroservices/taskservice/zmtp"
)

// The roles that every test binary of Main can play.
var ownRoles = map[string]func() error{"harness.babble": babble, "harness.drain": drain}

const (
	endpointVariable = "HARNESS_ENDPOINT"
	babbleTopic      = "harness.babble"
	babbleSize       = 200 // bytes a message
)

// Babble saturates the forwarder: a process that publishes 200 B messages as fast
// as they are taken, and another that reads them all. It returns when they flow;
// the function that it gives ends both and says how many came through.
func Babble(t testing.TB, p *Provider) (end func() int) {
	t.Helper()
	sink := player(t, "harness.drain", p.Subscribe)
	source := player(t, "harness.babble", p.Publish)
	sink.line() // the first message has come
	return func() int {
		source.end()
		_ = sink.in.Close() // asks for the number
		n, err := strconv.Atoi(sink.line())
		if err != nil {
			t.Fatalf("babble: %v", err)
		}
		sink.end()
		return n
	}
}

// played is a child of the test binary in a role.
type played struct {
	t   testing.TB
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

func player(t testing.TB, role, endpoint string) *played {
	t.Helper()
	p := &played{t: t, cmd: exec.Command(Self(t))}
	p.cmd.Env = append(os.Environ(), RoleVariable+"="+role, endpointVariable+"="+endpoint)
	p.cmd.Stderr = os.Stderr
	in, err := p.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.in, p.out = in, bufio.NewReader(out)
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.end)
	return p
}

func (p *played) line() string {
	p.t.Helper()
	s, err := p.out.ReadString('\n')
	if err != nil {
		p.t.Fatalf("%v has ended: %v", p.cmd.Args, err)
	}
	return strings.TrimSpace(s)
}

// end ends a child that has nothing to finish. A second time it does nothing.
func (p *played) end() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait() // it was killed, which is an error of no interest
}

// babble publishes until it is killed, or its provider has ended.
func babble() error {
	c, err := NewPublisher(os.Getenv(endpointVariable))
	if err != nil {
		return err
	}
	message := []byte(babbleTopic + " @@@ " + strings.Repeat("x", babbleSize))[:babbleSize]
	var many []byte
	for range 300 {
		many = zmtp.AppendFrame(many, 0, message)
	}
	for {
		if _, err := c.Write(many); err != nil {
			return nil // the provider has ended: so may we
		}
	}
}

// drain reads until its standard input ends, then says how many messages came.
func drain() error {
	c, err := NewSubscriber(os.Getenv(endpointVariable), babbleTopic)
	if err != nil {
		return err
	}
	go func() { // ends with the standard input, and the connection with it
		_, _ = io.Copy(io.Discard, os.Stdin)
		_ = c.Close()
	}()
	n := 0
	for {
		if err := c.Skip(); err != nil {
			if errors.Is(err, os.ErrClosed) || errors.Is(err, io.EOF) || n > 0 {
				fmt.Println(n)
				return nil
			}
			return err
		}
		if n++; n == 1 {
			fmt.Println("flowing")
		}
	}
}
