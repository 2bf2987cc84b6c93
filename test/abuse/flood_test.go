package abuse

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"zmicroservices/taskservice/zmtp"
	"zmicroservices/test/harness"
)

// flood writes messages of one topic and size until it has written so many bytes,
// or the time is over, or end is closed.
func flood(t *testing.T, endpoint, topic string, size, total int, end <-chan struct{}) (stop func() int) {
	t.Helper()
	c := harness.Publisher(t, endpoint)
	message := append([]byte(topic+" @@@ "), bytes.Repeat([]byte{'x'}, size)...)
	var many []byte
	for len(many) < 64<<10 {
		many = zmtp.AppendFrame(many, 0, message)
	}
	written := 0
	var running sync.WaitGroup
	running.Go(func() { // ends with total, end, or the connection
		for written < total {
			select {
			case <-end:
				return
			default:
			}
			n, err := c.Write(many)
			written += n
			if err != nil {
				return
			}
		}
	})
	return func() int {
		running.Wait()
		_ = c.Close()
		return written
	}
}

func TestASubscriberThatNeverReadsHoldsUpNobody(t *testing.T) { bothWays(t, testStalled) }

func testStalled(t *testing.T, s *site) {
	var stalled []*harness.Client
	for range 3 {
		stalled = append(stalled, harness.Subscriber(t, s.Subscribe, ""))
	}
	reader := harness.Subscriber(t, s.Subscribe, "flood", "hail")
	hailer := harness.Publisher(t, s.Publish)
	greet(t, reader, hailer, "hail")
	_ = hailer.Close()
	const size, total = 1000, 256 << 20 // eight times what is queued for one
	stop := flood(t, s.Publish, "flood", size, total, nil)
	got := make(chan int, 1) // one number
	go func() {              // ends with the connection, or with a mark
		n := 0
		for {
			frame, err := reader.Receive()
			if err != nil || strings.HasPrefix(string(frame), "flood.end") {
				got <- n
				return
			}
			if strings.HasPrefix(string(frame), "flood") {
				n += len(frame)
			}
		}
	}()
	s.served("while three do not read")
	written := stop()
	s.served("when the flood was written")
	read := -1
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(harness.Patience); read < 0; {
		s.Send("flood.end @@@ {}") // dropped while the reader's queue is full
		select {
		case read = <-got:
		case <-tick.C:
		case <-deadline:
			t.Fatal("who reads did not get what was sent after the flood")
		}
	}
	t.Logf("%d MiB were written, %d MiB came to who reads", written>>20, read>>20)
	if read == 0 {
		t.Error("who reads got nothing")
	}
	s.bounded("three who do not read", 3*40+150)
	for _, c := range stalled {
		_ = c.Close()
	}
	_ = reader.Close()
	s.recovered()
}

// Four publishers that send as fast as they can, on a topic of their own and on
// one that the provider listens to, do not keep a fifth one from being heard.
func TestPublishersThatFloodHoldUpNobody(t *testing.T) { bothWays(t, testFloods) }

func testFloods(t *testing.T, s *site) {
	end := make(chan struct{})
	var stops []func() int
	for i := range 2 {
		stops = append(stops, flood(t, s.Publish, fmt.Sprintf("flood%d", i), 200, 1<<40, end))
		// Nothing that could be understood, on a topic that the provider hears by
		// the blank that it trims, and who subscribed to control does not.
		stops = append(stops, flood(t, s.Publish, " control", 200, 1<<40, end))
	}
	reader := harness.Subscriber(t, s.Subscribe, "quiet", "hail")
	quiet := harness.Publisher(t, s.Publish)
	greet(t, reader, quiet, "hail")
	heard := make(chan error, 1) // one verdict
	const words = 200
	go func() { // ends when all was heard, or with the connection
		for n := 0; n < words; {
			frame, err := reader.Receive()
			if err != nil {
				heard <- err
				return
			}
			if strings.HasPrefix(string(frame), "quiet") {
				n++
			}
		}
		heard <- nil
	}()
	for i := range words {
		if err := quiet.Send(fmt.Appendf(nil, "quiet @@@ %d", i)); err != nil {
			t.Fatal(err)
		}
	}
	s.served("while four flood")
	select {
	case err := <-heard:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(harness.Patience):
		t.Error("who reads another topic was not served")
	}
	close(end)
	for _, stop := range stops {
		t.Logf("%d MiB were written", stop()>>20)
	}
	s.bounded("four who flood", 200)
	if s.Running() {
		s.served("after four have flooded")
	}
}

func TestAMessageOf10MBPasses(t *testing.T) { bothWays(t, testLongMessage) }

func testLongMessage(t *testing.T, s *site) {
	sub := harness.Subscriber(t, s.Subscribe, "big", "hail")
	pub := harness.Publisher(t, s.Publish)
	greet(t, sub, pub, "hail")
	big := append([]byte("big @@@ "), bytes.Repeat([]byte("0123456789abcdef"), 10<<20/16)...)
	done := make(chan error, 1) // one verdict
	go func() {                 // ends when it was sent
		done <- pub.Send(big)
	}()
	got, err := sub.Receive()
	for err == nil && bytes.HasPrefix(got, []byte("hail")) {
		got, err = sub.Receive()
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if sha256.Sum256(got) != sha256.Sum256(big) {
		t.Errorf("%d bytes were sent, %d others came", len(big), len(got))
	}
	s.served("after 10 MB")
	s.bounded("10 MB", 64)
	_, _ = sub.Close(), pub.Close()
	s.recovered()
}

// greet sends words of a topic until it is heard: the subscriptions are in force then.
func greet(t testing.TB, sub, pub *harness.Client, topic string) {
	t.Helper()
	deadline := time.Now().Add(harness.Patience)
	for time.Now().Before(deadline) {
		if err := pub.Send([]byte(topic + " @@@ {}")); err != nil {
			t.Fatal(err)
		}
		if err := sub.SetReadDeadline(time.Now().Add(10 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		_, err := sub.Receive()
		if err == nil {
			if err := sub.SetReadDeadline(time.Time{}); err != nil {
				t.Fatal(err)
			}
			return
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatal(err)
		}
	}
	t.Fatal("nothing that was published came back")
}
