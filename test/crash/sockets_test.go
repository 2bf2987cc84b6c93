package crash

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"zmicroservices/taskservice/bus"
	"zmicroservices/test/harness"
)

// TestWhoConnectsWhileNoProviderLivesIsServedByTheNext has a bus on ports of the
// kernel's choice. They stay the context's own from one provider to the next.
func TestWhoConnectsWhileNoProviderLivesIsServedByTheNext(t *testing.T) {
	b := newBench(t, 1, `<Process><command>/bin/sleep 1000</command></Process>`)
	b.overTCP()
	b.start()
	b.settled(1)
	hello := b.client.Hello()
	publish, subscribe := hello.BackendEndpoint, hello.FrontEndEndpoint
	// A client that is there from the beginning, and has to come back by itself.
	ctx, cancel := context.WithTimeout(t.Context(), harness.Patience)
	defer cancel()
	old, err := bus.Dial(ctx, bus.Options{Frontend: subscribe, Backend: publish, Topics: []string{"said"}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = old.Close(ctx) }()

	b.kill()
	var waiting []net.Conn
	for _, endpoint := range []string{publish, subscribe} {
		address := strings.TrimPrefix(endpoint, "tcp://")
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatalf("nobody holds %s while the provider is away: %v", endpoint, err)
		}
		defer c.Close()
		waiting = append(waiting, c)
		if l, err := net.Listen("tcp", address); err == nil {
			_ = l.Close()
			t.Errorf("another program could take %s", endpoint)
		}
	}
	b.start()
	if again := b.client.Hello(); again.BackendEndpoint != publish || again.FrontEndEndpoint != subscribe {
		t.Errorf("the ports were %s and %s, and are %s and %s", publish, subscribe, again.BackendEndpoint, again.FrontEndEndpoint)
	}
	for _, c := range waiting {
		greeting := make([]byte, 10) // the signature of ZMTP 3, RFC 23
		_ = c.SetDeadline(time.Now().Add(harness.Patience))
		if _, err := io.ReadFull(c, greeting); err != nil || greeting[0] != 0xff || greeting[9] != 0x7f {
			t.Errorf("who waited in the backlog of %s was greeted with %x: %v", c.RemoteAddr(), greeting, err)
		}
	}
	select {
	case <-old.Rejoined():
	case <-ctx.Done():
		t.Fatal("a client of the first provider did not come back to the second")
	}
	const word = "said @@@ {}"
	if err := old.Publish(ctx, []byte(word)); err != nil {
		t.Fatal(err)
	}
	if heard, err := old.Receive(ctx); err != nil || string(heard) != word {
		t.Errorf("heard %q: %v", heard, err)
	}

	b.stop()
	for _, endpoint := range []string{publish, subscribe} {
		if c, err := net.Dial("tcp", strings.TrimPrefix(endpoint, "tcp://")); err == nil {
			_ = c.Close()
			t.Errorf("%s is open after an end in order", endpoint)
		}
	}
}

// TestAnAddressThatTheFileGivesUpIsFree has the file changed while no provider lives.
func TestAnAddressThatTheFileGivesUpIsFree(t *testing.T) {
	b := newBench(t, 1, `<Process><command>/bin/sleep 1000</command></Process>`)
	b.overTCP()
	b.start()
	b.settled(1)
	before := b.pids()
	publish := b.client.Hello().BackendEndpoint
	b.kill()
	b.edit("<FrontBind>tcp://127.0.0.1:0<", "<FrontBind>tcp://127.0.0.2:0<")
	b.start()
	if c, err := net.Dial("tcp", strings.TrimPrefix(publish, "tcp://")); err == nil {
		_ = c.Close()
		t.Errorf("%s is open, and the file names it no more", publish)
	}
	if after := b.pids(); fmt.Sprint(after) != fmt.Sprint(before) {
		t.Errorf("services were %v and are %v", before, after)
	}
	b.stop()
}

// overTCP puts the bus on ports of the kernel's choice.
func (b *bench) overTCP() {
	b.t.Helper()
	for side, endpoint := range map[string]string{"FrontEnd": b.front, "Backend": b.back} {
		b.edit("<"+side+"Endpoint>"+endpoint+"<", "<"+side+"Endpoint>tcp://127.0.0.1:1<") // the real port takes its place
		b.edit(endpoint+"<", "tcp://127.0.0.1:0<")
	}
	b.front, b.back = "tcp://127.0.0.1:1", "tcp://127.0.0.1:1"
}

// edit replaces a text everywhere in the file.
func (b *bench) edit(text, by string) {
	b.t.Helper()
	file, err := os.ReadFile(b.file)
	if err == nil {
		err = os.WriteFile(b.file, []byte(strings.ReplaceAll(string(file), text, by)), 0o600)
	}
	if err != nil {
		b.t.Fatal(err)
	}
}
