package forwarder

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"
)

// record begins a recording that ends with the test.
func (d *device) record(prefixes ...string) *Recording {
	d.t.Helper()
	r, err := d.Record(prefixes...)
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(r.Close)
	return r
}

func TestARecordingHasEveryMessageAsItWas(t *testing.T) {
	d := start(t, func(o *Options) {
		o.OnSubscribe = func(Peer, []byte) [][]byte { return [][]byte{[]byte("control @@@ retained")} }
	})
	r := d.record("")
	some := d.record("frames", "control")
	var want [][]string
	p := d.publisher(t, 0)
	long := strings.Repeat("\x00\xff", 150_000)
	for i := range 500 {
		for _, message := range [][]string{{fmt.Sprintf("frames @@@ %d", i)}, {"two", long[:i*100], ""}, {""}} {
			p.send(wire(message...))
			want = append(want, message)
		}
	}
	p.send(wire("long @@@ " + long))
	want = append(want, []string{"long @@@ " + long})
	eventually(t, "all messages", func() bool { return d.in.flow().Messages == uint64(len(want)) })
	if err := d.Publish([]byte("control @@@ {}")); err != nil {
		t.Fatal(err)
	}
	if err := d.PublishAs(Peer{}, []byte("parts"), []byte(long), []byte("of a message")); err != nil {
		t.Fatal(err)
	}
	want = append(want, []string{"control @@@ {}"}, []string{"parts", long, "of a message"})
	finished := make(chan struct{})
	go func() { r.Finish(t.Context()); some.Finish(t.Context()); close(finished) }() // ends when all is read
	got, last := 0, time.Time{}
	for ; ; got++ {
		frames, at, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if !slices.EqualFunc(frames, want[got], func(b []byte, s string) bool { return bytes.Equal(b, []byte(s)) }) || at.Before(last) {
			t.Fatalf("message %d differs", got)
		}
		last = at
	}
	few := 0
	for ; ; few++ {
		if _, _, err := some.Next(); err != nil {
			break
		}
	}
	<-finished
	if got != len(want) || few != 501 || r.Dropped() != (Flow{}) {
		t.Errorf("%d of %d messages, %d of some topics, dropped %+v", got, len(want), few, r.Dropped())
	}
	if err := d.Publish([]byte("control @@@ after")); err != nil {
		t.Fatal(err)
	}
	r.Close()
	some.Close()
	eventually(t, "the end of the recordings", func() bool { return d.connections() == 1 })
}

func TestARecordingThatIsNotReadIsCountedAndHoldsUpNobody(t *testing.T) {
	d := start(t, nil)
	r := d.record("")
	bound := *r.conn.out.bound
	bound.QueueMessages = 10
	r.conn.out.bound = &bound
	s := d.subscriber(t, "frames")
	for i := 0; r.Dropped().Messages < 50; i++ {
		frame := fmt.Sprintf("frames @@@ %d %s", i, strings.Repeat("x", 50_000))
		if err := d.Publish([]byte(frame)); err != nil {
			t.Fatal(err)
		}
		s.hears(frame)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r.Finish(ctx) // it does not wait for who does not read
	if _, _, err := r.Next(); err == nil {
		t.Error("it was cut off, and goes on")
	}
}

func TestARecordingEndsWithTheForwarder(t *testing.T) {
	d := start(t, nil)
	r := d.record("")
	d.stop()
	if _, _, err := r.Next(); err == nil {
		t.Error("it goes on")
	}
	if _, err := d.Record(""); !errors.Is(err, ErrClosed) {
		t.Errorf("recorded of one that has ended: %v", err)
	}
}

func TestAMessageHasAFrame(t *testing.T) {
	d := start(t, nil)
	if err := d.PublishAs(Peer{}); err == nil {
		t.Error("it has none")
	}
	if d.GuardedTopic([]byte("context @@@")) != "" {
		t.Error("nothing is guarded here")
	}
}
