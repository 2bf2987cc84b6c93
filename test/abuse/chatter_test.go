package abuse

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"zmicroservices/taskservice/zmtp"
	"zmicroservices/test/harness"
)

// chatter writes the same bytes again and again until the connection ends, or so
// many bytes are written, and never reads.
func chatter(c net.Conn, many []byte, total int) (wait func()) {
	var running sync.WaitGroup
	running.Go(func() { // ends with total, or the connection
		_ = c.SetWriteDeadline(time.Now().Add(harness.Patience))
		for written := 0; written < total; {
			n, err := c.Write(many)
			if written += n; err != nil {
				return
			}
		}
	})
	return running.Wait
}

// A peer that sends PINGs as fast as it can and reads no PONG, at either port.
func TestAFloodOfPINGsDisturbsNobody(t *testing.T) { bothWays(t, testPINGs) }

func testPINGs(t *testing.T, s *site) {
	pings := bytes.Repeat(zmtp.AppendPing(nil, time.Second, []byte("0123456789abcdef")), 2000)
	var all []net.Conn
	var waits []func()
	for _, join := range []func() (*harness.Client, error){
		func() (*harness.Client, error) { return harness.NewPublisher(s.Publish) },
		func() (*harness.Client, error) { return harness.NewSubscriber(s.Subscribe, "ping") },
	} {
		c, err := join()
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, c)
		waits = append(waits, chatter(c, pings, 64<<20))
	}
	s.served("while two send PINGs")
	s.bounded("floods of PINGs", 64)
	for _, c := range all {
		_ = c.Close()
	}
	for _, wait := range waits {
		wait()
	}
	s.recovered()
}

// A peer that subscribes and cancels as fast as it can: the tree of subscriptions,
// which every message is matched against, changes all the time.
func TestAFloodOfSubscriptionsDisturbsNobody(t *testing.T) { bothWays(t, testChurn) }

func testChurn(t *testing.T, s *site) {
	var churn []byte
	for i := range 2000 {
		topic := fmt.Appendf(nil, "bystander.%d.%d", i%7, i)
		churn = zmtp.AppendCommand(churn, zmtp.SubscribeCommand, topic)
	}
	for i := range 2000 {
		churn = zmtp.AppendCommand(churn, zmtp.CancelCommand, fmt.Appendf(nil, "bystander.%d.%d", i%7, i))
	}
	c := harness.Subscriber(t, s.Subscribe)
	wait := chatter(c, churn, 32<<20)
	s.served("while one subscribes and cancels")
	s.bounded("a flood of subscriptions", 64)
	_ = c.Close()
	wait()
	s.recovered()
}

// Who wants more subscriptions than one may have is disconnected, and those that it
// had are forgotten.
func TestWhoSubscribesTooOftenIsDisconnected(t *testing.T) { bothWays(t, testTooManySubscriptions) }

func testTooManySubscriptions(t *testing.T, s *site) {
	var many []byte
	for i := range 10_001 {
		many = zmtp.AppendCommand(many, zmtp.SubscribeCommand, fmt.Appendf(nil, "%d%s", i, bytes.Repeat([]byte{'x'}, 200)))
	}
	for range 3 {
		c := harness.Subscriber(t, s.Subscribe)
		if err := c.SetDeadline(time.Now().Add(harness.Patience)); err != nil {
			t.Fatal(err)
		}
		_, _ = c.Write(many) // may be cut in the middle of it
		if _, err := io.Copy(io.Discard, c); isTimeout(err) {
			t.Error("10,001 subscriptions were taken")
		}
	}
	s.served("after 10,001 subscriptions, three times")
	s.bounded("10,001 subscriptions", 64)
	s.recovered()
}
