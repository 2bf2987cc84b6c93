package forwarder

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"zmicroservices/taskservice/zmtp"
)

// published waits until the only publisher has sent n messages, and gives its topics.
func (d *device) published(n uint64) map[string]TopicStats {
	d.t.Helper()
	eventually(d.t, fmt.Sprint(n, " messages"), func() bool { return d.in.flow().Messages == n })
	topics := map[string]TopicStats{}
	for _, p := range d.Stats().Publishers {
		for _, s := range p.Topics {
			name := s.Topic
			if s.Other {
				name = "(other)"
			}
			topics[name] = s
		}
	}
	return topics
}

func TestMessagesAreCountedByTopic(t *testing.T) {
	d := start(t, nil)
	p := d.publisher(t, 0)
	long := strings.Repeat("t", 100)
	p.send(wire("frames @@@ {}"))
	p.send(wire("frames @@@ {}"))
	p.send(wire("framesets @@@ {}"))
	p.send(wire(" frames@@@{}"))
	p.send(wire("10001 25 60"))
	p.send(wire("10001 @@@ x"))
	p.send(wire("two words", "and a frame"))
	p.send(wire("two words @@@ x"))
	p.send(wire(long + " @@@ {}"))
	p.send(wire(""))
	p.send(wire(strings.Repeat("big", 100_000) + " @@@ {}"))
	got := d.published(11)
	for topic, want := range map[string]uint64{
		"frames": 3, "framesets": 1, "10001": 2, "two words": 2, long[:maxTopic]: 1, "": 1, strings.Repeat("big", 22)[:maxTopic]: 1,
	} {
		if s := got[topic]; s.Messages != want || time.Since(s.Last) > patience {
			t.Errorf("%q: %+v, want %d", topic, s, want)
		}
		delete(got, topic)
	}
	if len(got) > 0 {
		t.Errorf("and %v", got)
	}
}

func TestTopicsAreBoundedButForThoseThatAreMetered(t *testing.T) {
	d := start(t, func(o *Options) { o.Metered = []string{"frames", "late"} })
	p := d.publisher(t, 0)
	for i := range 2 * maxTopics {
		p.send(wire(fmt.Sprintf("topic.%d @@@ {}", i)))
	}
	p.send(wire("frames @@@ {}"))
	got := d.published(2*maxTopics + 1)
	if len(got) != maxTopics+2 || got["(other)"].Messages != maxTopics || !got["(other)"].Other || got["frames"].Messages != 1 {
		t.Errorf("%d topics, other %+v, frames %+v", len(got), got["(other)"], got["frames"])
	}
	if n := d.tallies.Load(); n != maxTopics {
		t.Errorf("%d topics count against the bounds of all", n)
	}
	_ = p.Close()
	eventually(t, "the end of its topics", func() bool { return d.tallies.Load() == 0 })
}

func TestARateIsOfTheLastSecond(t *testing.T) {
	d := start(t, nil)
	p := d.publisher(t, 0)
	for range 5 {
		p.send(wire("frames @@@ {}"))
	}
	size := float64(len(wire("frames @@@ {}")))
	eventually(t, "a rate", func() bool {
		s := d.published(5)["frames"]
		return s.Rate == 5 && s.ByteRate == 5*size
	})
	eventually(t, "the end of the second", func() bool { return d.published(5)["frames"].Rate == 0 })
}

func TestWhatWePublishIsCountedToo(t *testing.T) {
	d := start(t, nil)
	for range 2 {
		if err := d.Publish([]byte("control @@@ {}")); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.PublishAs(Peer{}, []byte("process @@@ {}")); err != nil {
		t.Fatal(err)
	}
	own := d.Stats().Own
	if len(own) != 2 || own[0].Topic != "control" || own[0].Messages != 2 || own[1].Topic != "process" {
		t.Errorf("own %+v", own)
	}
}

func TestWhoLeavesWasHeard(t *testing.T) {
	d := start(t, func(o *Options) { o.Metered = []string{"frames"} })
	stays := d.publisher(t, 0)
	stays.send(wire("frames @@@ {}"))
	stays.send(wire("other @@@ {}"))
	leaves := d.publisher(t, 0)
	leaves.send(wire("frames @@@ {}"))
	leaves.send(wire("frames @@@ {}"))
	_ = leaves.Close()
	eventually(t, "the end of a connection", func() bool { return d.connections() == 1 })
	eventually(t, "what both have sent", func() bool {
		sent := map[uint64]bool{}
		for _, h := range d.Heard(d.metered)["frames"] {
			sent[h.Messages] = h.Peer.Conn != 0
		}
		return len(sent) == 2 && sent[1] && sent[2]
	})
	if all := d.Heard(map[string]bool{"nobody's": true}); len(all) != 0 {
		t.Errorf("heard %+v", all)
	}
}

func TestThoseThatLeftAreBounded(t *testing.T) {
	d := start(t, func(o *Options) { o.Metered = []string{"frames"} })
	c := &conn{f: d.Forwarder}
	c.meter.f = d.Forwarder
	c.meter.count([]byte("frames @@@ {}"), true, 15)
	c.meter.settle()
	for i := range 2*maxDeparted + 1 {
		c.peer.Conn = uint64(i)
		d.departed.add(c)
	}
	if n := len(d.Heard(d.metered)["frames"]); n > maxDeparted || n < maxDeparted/2 {
		t.Errorf("%d are kept", n)
	}
}

// BenchmarkMeter is what counting costs a message: of one topic, of two in turn.
func BenchmarkMeter(b *testing.B) {
	for n := 1; n <= 2; n++ {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			m := meter{f: &Forwarder{began: time.Now()}}
			frames := [][]byte{[]byte("frames.left @@@ {}"), []byte("frames.right @@@ {}")}[:n]
			size := int64(len(zmtp.AppendFrame(nil, 0, frames[0])))
			for i := 0; b.Loop(); i++ {
				m.count(frames[i%n], true, size)
				if i%300 == 0 {
					m.settle()
				}
			}
		})
	}
}

func TestWhatIsDroppedIsCountedByTopic(t *testing.T) {
	d := start(t, func(o *Options) { o.Limits = Limits{QueueMessages: 10} })
	for range 2 { // who do not read
		d.subscriber(t, "")
	}
	d.subscriber(t, "long", "lo", "shorter")
	for topic, want := range map[string]int{"long": 3, "short": 2, "shorter": 3} {
		if n := d.Subscribed(topic); n != want {
			t.Errorf("%d subscribed to %s, want %d", n, topic, want)
		}
	}
	p := d.publisher(t, 0)
	long := strings.Repeat("x", 200_000)
	sent := uint64(0)
	dropped := func() (n uint64) {
		for _, s := range d.Stats().Subscribers {
			n += s.Dropped.Messages
		}
		return n
	}
	eventually(t, "drops", func() bool { // the kernel's buffers are filled first
		p.send(wire("long @@@ " + long))
		p.send(wire("short @@@ {}"))
		p.send(wire("two", "frames"))
		sent += 3
		d.published(sent)
		return dropped() > 300
	})
	lost := map[string]uint64{}
	var all Flow
	for _, s := range d.Stats().Lost {
		lost[s.Topic] = s.Messages
		all.add(s.Flow)
	}
	if lost["long"] == 0 || lost["short"] == 0 || lost["two"] == 0 || len(lost) != 3 || all != d.Stats().Dropped {
		t.Errorf("lost %v, %+v of %+v", lost, all, d.Stats().Dropped)
	}
}
