package forwarder

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"
)

// narrow is limits that a test can reach.
func narrow(o *Options) {
	o.Limits.QueueMessages = 100
	o.Limits.QueueBytes = 1 << 20
}

// stall fills everything between us and a subscriber that does not read: its
// socket and its queue. It returns how many messages of 10 kB that took.
func stall(t *testing.T, d *device, p *client, who byte) (sent int) {
	t.Helper()
	before := d.Stats().Dropped.Messages
	eventually(t, "the queue to be full", func() bool {
		for range 50 {
			p.say(numbered(who, sent, 10_000))
			sent++
		}
		return d.Stats().Dropped.Messages > before+100
	})
	return sent
}

func TestAFullQueueDropsTheNewestWholeAndCounted(t *testing.T) {
	d := start(t, narrow)
	slow := d.subscriber(t, "")
	p := d.publisher(t, 0)
	sent := stall(t, d, p, 'p')
	eventually(t, "everything to be forwarded", func() bool { return d.Stats().In.Messages == uint64(sent) })
	stats := d.Stats()
	if got := stats.Out.Messages + stats.Dropped.Messages; got != uint64(sent) {
		t.Errorf("%d sent, but %d out and dropped: %+v", sent, got, stats)
	}
	if q := stats.Subscribers[0]; q.QueuedMessages > 100 || q.QueuedBytes > 1<<20 || q.QueuedMessages < 90 {
		t.Errorf("queued: %+v", q)
	}
	for i := range int(stats.Out.Messages) {
		if m := slow.hear(); len(m) != 1 || number(m[0]) != i {
			t.Fatalf("message %d comes as number %d", number(m[0]), i)
		}
	}
	// And now it goes on.
	p.say("again")
	slow.hears("again")
}

func TestAStalledSubscriberDelaysNobodyElse(t *testing.T) {
	d := start(t, narrow)
	d.subscriber(t, "")
	p := d.publisher(t, 0)
	stall(t, d, p, 'p')
	s := d.subscriber(t, "q")
	for i := range 200 {
		p.say(fmt.Sprint("q", i))
		s.hears(fmt.Sprint("q", i))
	}
}

func TestTheControlPlaneHasAReserveInAFullQueue(t *testing.T) {
	d := start(t, narrow)
	slow := d.subscriber(t, "")
	p, service := d.publisher(t, 0), d.publisher(t, 0)
	stall(t, d, p, 'p')
	for i := range 20 {
		service.say(fmt.Sprint("control @@@ ", i))
	}
	eventually(t, "the service to be heard", func() bool { return d.Stats().Publishers[1].In.Messages == 20 })
	for i := range 20 {
		if err := d.Publish([]byte(fmt.Sprint("other @@@ ", i))); err != nil {
			t.Fatal(err)
		}
	}
	p.say("the newest of many: dropped")
	for _, topic := range []string{"control", "other"} {
		for i := 0; i < 20; {
			if m := slow.hear()[0]; m[0] != 'p' {
				if want := fmt.Sprint(topic, " @@@ ", i); m != want {
					t.Fatalf("heard %.40q, want %q", m, want)
				}
				i++
			}
		}
	}
}

func TestAReserveIsBoundedToo(t *testing.T) {
	d := start(t, narrow)
	d.subscriber(t, "")
	p := d.publisher(t, 0)
	stall(t, d, p, 'p')
	for range 1000 {
		if err := d.Publish([]byte("control @@@ {}")); err != nil {
			t.Fatal(err)
		}
	}
	if q := d.Stats().Subscribers[0].QueuedMessages; q > 100+25 {
		t.Errorf("%d messages queued", q)
	}
}

func TestAMessageLongerThanAQueueGetsThrough(t *testing.T) {
	d := start(t, narrow)
	s := d.subscriber(t, "")
	p := d.publisher(t, 0)
	for _, size := range []int{10 << 20, 64<<20 - 9} {
		go func() { _, _ = p.Write(wire(strings.Repeat("m", size))) }()
		if m := s.hear(); len(m) != 1 || len(m[0]) != size {
			t.Fatalf("%d frames, %d bytes", len(m), len(m[0]))
		}
	}
	p.say("after")
	s.hears("after")
}

func TestALongerMessageThanAllowedEndsItsSender(t *testing.T) {
	for name, b := range map[string][]byte{
		"one frame":    {2, 0, 0, 0, 0, 4, 0, 0, 0},
		"2^62":         {2, 0x40, 0, 0, 0, 0, 0, 0, 0},
		"2^63":         {2, 0x80, 0, 0, 0, 0, 0, 0, 0},
		"2^40":         {2, 0, 0, 1, 0, 0, 0, 0, 0},
		"command":      {6, 0, 0, 0, 0, 0, 1, 0, 0},
		"reserved":     {8, 1, 'x'},
		"two frames":   wire(strings.Repeat("a", 1<<20-20), strings.Repeat("b", 20)),
		"no name":      {4, 1, 0},
		"ERROR":        []byte("\x04\x0a\x05ERROR\x03bad"),
		"bad PING":     []byte("\x04\x05\x04PING"),
		"more command": {5, 1, 'x'},
	} {
		t.Run(name, func(t *testing.T) {
			d := start(t, func(o *Options) { o.Limits.MaxMessage = 1 << 20 })
			s := d.subscriber(t, "")
			p, other := d.publisher(t, 0), d.publisher(t, 0)
			go func() { _, _ = p.Write(b) }()
			p.closed()
			other.say("served")
			s.hears("served")
		})
	}
}

func TestMemoryIsBoundedOverAllQueues(t *testing.T) {
	d := start(t, func(o *Options) { o.Limits.Memory = 4 << 20 })
	for range 8 {
		d.subscriber(t, "")
	}
	p := d.publisher(t, 0)
	eventually(t, "drops", func() bool {
		for range 50 {
			p.say(strings.Repeat("m", 20_000))
		}
		return d.Stats().Dropped.Messages > 2000
	})
	if got := d.Stats().Memory; got > 8<<20 {
		t.Errorf("%d bytes of memory, the limit is 4 MiB", got)
	}
	if err := d.Publish([]byte("control @@@ {}")); err != nil {
		t.Fatal(err)
	}
	// Who is in the middle of a long message has to go.
	long := d.publisher(t, 0)
	go func() { _, _ = long.Write(wire(strings.Repeat("l", 4<<20))) }()
	long.closed()
}

func TestWhoStallsInALongMessageGoesWhenMemoryIsShort(t *testing.T) {
	d := start(t, func(o *Options) {
		o.Limits.Memory, o.Limits.Handshake, o.Limits.Heartbeat = 4<<20, 50*time.Millisecond, 20*time.Millisecond
	})
	b := wire(strings.Repeat("l", 2<<20))
	short, long := d.publisher(t, 0), d.publisher(t, 0)
	short.send(b[:200_000])
	s := d.subscriber(t, "")
	eventually(t, "beats", func() bool { return time.Duration(d.clock.Load()) > 200*time.Millisecond })
	long.send(b[:1_300_000])
	short.closed()
	d.publisher(t, 0).say("served")
	s.hears("served")
}

func TestDrainWaitsForReadersAndNotForTheStalled(t *testing.T) {
	d := start(t, nil)
	d.subscriber(t, "") // never reads
	slow := d.subscriber(t, "s")
	const messages = 3000
	for i := range messages {
		if err := d.Publish([]byte(numbered('s', i, 5000))); err != nil {
			t.Fatal(err)
		}
	}
	read := make(chan int, 1)
	go func() {
		n := 0
		for ; n < messages; n++ {
			if _, _, err := slow.tryFrame(); err != nil {
				break
			}
		}
		read <- n
	}()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := d.Drain(ctx); err != nil {
		t.Fatal(err)
	}
	d.stop()
	if n := <-read; n != messages {
		t.Errorf("%d of %d messages came", n, messages)
	}
}

func TestDrainEndsWithItsContext(t *testing.T) {
	d := start(t, nil)
	d.subscriber(t, "")
	p := d.publisher(t, 0)
	eventually(t, "a queue", func() bool {
		p.say(strings.Repeat("q", 1<<20))
		return d.Stats().Subscribers[0].QueuedBytes > 0
	})
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	if err := d.Drain(ctx); err == nil {
		t.Error("Drain returns nil while a queue is not given up yet")
	}
}

func TestAPublisherThatIsCutInTheMiddleOfAMessageLeavesNoPieceOfIt(t *testing.T) {
	d := start(t, nil)
	s := d.subscriber(t, "")
	for _, n := range []int{1, 9, 5000, 70_000, 900_000} {
		p := d.publisher(t, 0)
		p.send(wire("whole", strings.Repeat("cut", 500_000))[:n])
		if err := p.Conn.(*net.TCPConn).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		p.closed()
	}
	d.publisher(t, 0).say("next")
	s.hears("next")
}
