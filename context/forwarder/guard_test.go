package forwarder

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var errNo = errors.New("not you")

// guarded denies everything on context and state that says "evil".
func guarded(o *Options) {
	o.Guarded = []string{"context", "state"}
	o.Admit = func(_ Peer, _ string, frame []byte) error {
		if strings.Contains(string(frame), "evil") {
			return errNo
		}
		return nil
	}
}

func TestAGuardedMessageIsForwardedOnlyIfAdmitted(t *testing.T) {
	d := start(t, guarded)
	s := d.subscriber(t, "")
	p := d.publisher(t, 0)
	long := strings.Repeat(" ", 100_000)
	for _, frames := range [][]string{
		{"context @@@ evil"},
		{"context@@@evil"},
		{"  \t\n context \r\n @@@ evil @@@"},
		{"\x1c\x1fstate\x1e@@@evil"},
		{"\u00a0\u2003\u3000context\u0085 @@@ evil"},
		{"\xa0context\x85@@@ evil"},
		{"harmless", "context @@@ evil"},
		{"context @@@ evil", "harmless"},
		{"context @@@ evil", "context @@@ good"},
		{long + "context @@@ evil"},
		{"context" + long + "@@@ evil"},
		{"context" + strings.Repeat(" ", headRoom-8) + "@@@" + long + "evil"},
		{"harmless", strings.Repeat("x", 200_000), long + "state @@@ evil"},
	} {
		p.say(frames...)
	}
	for _, m := range []string{
		"context @@@ good", "contexts @@@ evil", "context evil", "con @@@ evil", "context @@ evil",
		"other @@@ context @@@ evil", "", "@@@", " @@@ evil", long, "context",
	} {
		p.say(m)
		s.hears(m)
	}
	if got := d.Stats().Denied; got != 13 {
		t.Errorf("%d denied", got)
	}
	if log := d.log.String(); !strings.Contains(log, "message denied") || !strings.Contains(log, "not you") || !strings.Contains(log, "addr=127.0.0.1") {
		t.Errorf("log: %s", log)
	}
}

func TestTapsGetTheirTopicsAfterTheyWereForwarded(t *testing.T) {
	type call struct{ topic, frame string }
	calls := make(chan call, 10)
	var running atomic.Pointer[device]
	d := start(t, func(o *Options) {
		guarded(o)
		o.Taps = []Tap{{Topics: []string{"context", "control"}, Deliver: func(p Peer, topic string, frame []byte) {
			if out := running.Load().Stats().Out.Messages; out == 0 {
				t.Error("tapped before it was forwarded")
			}
			if p.Conn == 0 {
				t.Errorf("tapped from %+v", p)
			}
			calls <- call{topic, string(frame)}
		}}}
	})
	running.Store(d)
	s := d.subscriber(t, "")
	p := d.publisher(t, 0)
	long := "control @@@ " + strings.Repeat("l", 200_000)
	p.say("context @@@ 1")
	p.say("context @@@ evil")
	p.say("other @@@ 2")
	p.say("control @@@ of", "two frames")
	p.say(long)
	if err := d.Publish([]byte("context @@@ our own")); err != nil {
		t.Fatal(err)
	}
	for _, want := range []call{{"context", "context @@@ 1"}, {"control", long}} {
		if got := <-calls; got != want {
			t.Errorf("tapped %.40v, want %.40v", got, want)
		}
	}
	if err := d.PublishAs(Peer{Conn: 77, UID: 5}, []byte("context @@@ 3")); err != nil {
		t.Fatal(err)
	}
	if got := <-calls; got != (call{"context", "context @@@ 3"}) {
		t.Errorf("tapped %v", got)
	}
	if err := d.PublishAs(Peer{UID: 5}, []byte("context @@@ evil")); !errors.Is(err, errNo) {
		t.Errorf("PublishAs: %v", err)
	}
	var heard []string
	for range 6 {
		heard = append(heard, s.hear()...)
	}
	for _, want := range []string{"context @@@ 1", "other @@@ 2", "control @@@ of", "two frames", long, "context @@@ our own", "context @@@ 3"} {
		if !slices.Contains(heard, want) {
			t.Errorf("%.40q was not forwarded", want)
		}
	}
}

func TestTapSelfTapsWhatWePublish(t *testing.T) {
	var got []Peer
	d := start(t, func(o *Options) {
		o.TapSelf = true
		o.Taps = []Tap{{Topics: []string{"control"}, Deliver: func(p Peer, _ string, _ []byte) { got = append(got, p) }}}
	})
	if err := d.Publish([]byte("control @@@ {}")); err != nil {
		t.Fatal(err)
	}
	if len(got) != 1 || !got[0].Self {
		t.Errorf("tapped from %+v", got)
	}
}

func TestABlockedTapBlocksItsPublisherOnly(t *testing.T) {
	release := make(chan struct{})
	entered := make(chan struct{}, 1)
	d := start(t, func(o *Options) {
		o.Taps = []Tap{{Topics: []string{"state"}, Deliver: func(_ Peer, _ string, frame []byte) {
			if strings.Contains(string(frame), "block") {
				entered <- struct{}{}
				<-release
			}
		}}}
	})
	s := d.subscriber(t, "")
	blocked, free := d.publisher(t, 0), d.publisher(t, 0)
	blocked.say("state @@@ block")
	s.hears("state @@@ block")
	<-entered
	blocked.say("waits")
	for range 10 {
		free.say("state @@@ free")
		s.hears("state @@@ free")
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	d.Settle(ctx)
	if ctx.Err() != nil {
		t.Error("Settle waited for a publisher that lives")
	}
	_ = blocked.Close()
	ctx, cancel = context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	d.Settle(ctx)
	if ctx.Err() == nil {
		t.Error("Settle did not wait for a message that is being tapped")
	}
	close(release)
	s.hears("waits")
}

// Who dies in the middle of a flood leaves data in its own socket, and the FIN
// behind that.
func TestSettleWaitsForADeadPublisherWhoseEndIsNotHereYet(t *testing.T) {
	release := make(chan struct{})
	entered := make(chan struct{}, 1)
	var once sync.Once
	d := start(t, func(o *Options) {
		o.Taps = []Tap{{Topics: []string{"state"}, Deliver: func(Peer, string, []byte) {
			once.Do(func() { entered <- struct{}{} })
			<-release
		}}}
	})
	p := d.publisher(t, 0)
	p.say("state @@@ first")
	<-entered
	if err := p.SetWriteDeadline(time.Now().Add(100 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	flood := bytes.Repeat(wire("other @@@ "+strings.Repeat("x", 1000)), 1000)
	for {
		if _, err := p.Write(flood); err != nil {
			break // both queues are full
		}
	}
	_ = p.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	d.Settle(ctx)
	if ctx.Err() == nil {
		t.Error("Settle did not wait for a dead publisher")
	}
	close(release)
	ctx, cancel = context.WithTimeout(context.Background(), patience)
	defer cancel()
	d.Settle(ctx)
	if ctx.Err() != nil {
		t.Error("Settle waited for ever")
	}
}

func TestSettleReturnsWhenDeadPublishersAreHeard(t *testing.T) {
	var (
		mu     sync.Mutex // guards tapped
		tapped int
	)
	d := start(t, func(o *Options) {
		o.Taps = []Tap{{Topics: []string{"control"}, Deliver: func(Peer, string, []byte) {
			mu.Lock()
			tapped++
			mu.Unlock()
		}}}
	})
	want := 0
	for range 20 {
		var dead []*client
		for range 5 {
			dead = append(dead, d.publisher(t, 0))
		}
		var b []byte
		for range 500 {
			b = append(b, wire("control @@@ last words")...)
		}
		for _, p := range dead {
			p.send(b)
			_ = p.Close()
			want += 500
		}
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		d.Settle(ctx)
		cancel()
		mu.Lock()
		got := tapped
		mu.Unlock()
		if got != want {
			t.Fatalf("%d of %d messages were tapped when Settle returned", got, want)
		}
	}
}

func TestANewSubscriptionGetsWhatIsRetainedAndThenWhatIsNew(t *testing.T) {
	var running atomic.Pointer[device]
	asked := make(chan string, 100)
	d := start(t, func(o *Options) {
		o.OnSubscribe = func(p Peer, prefix []byte) [][]byte {
			// Later than the subscription, and yet heard after what is retained.
			if err := running.Load().Publish([]byte("state @@@ new")); err != nil {
				t.Error(err)
			}
			asked <- fmt.Sprint(p.UID >= 0, string(prefix))
			return [][]byte{[]byte("state @@@ kept 1"), []byte("state @@@ " + strings.Repeat("k", 100_000))}
		}
	})
	running.Store(d)
	other := d.subscriber(t)
	other.subscribe("state")
	other.hears("state @@@ kept 1", "state @@@ "+strings.Repeat("k", 100_000), "state @@@ new")
	s := d.subscriber(t)
	s.subscribe("state")
	s.subscribe("state")
	s.subscribe("other")
	s.hears("state @@@ kept 1", "state @@@ "+strings.Repeat("k", 100_000), "state @@@ new")
	s.hears("state @@@ kept 1", "state @@@ "+strings.Repeat("k", 100_000), "state @@@ new")
	other.hears("state @@@ new", "state @@@ new")
	d.stop()
	var got []string
	for range len(asked) {
		got = append(got, <-asked)
	}
	if want := []string{"truestate", "truestate", "trueother"}; !slices.Equal(got, want) {
		t.Errorf("asked for %q, want %q", got, want)
	}
}

func TestOnCloseIsToldOfEveryPeerThatWasLetIn(t *testing.T) {
	gone := make(chan Peer, 10)
	d := start(t, func(o *Options) { o.OnClose = func(p Peer) { gone <- p } })
	p := d.publisher(t, 0)
	_ = p.Close()
	if peer := <-gone; peer.Conn != 1 || peer.Mechanism != "NULL" || peer.Addr != p.LocalAddr().String() {
		t.Errorf("%+v", peer)
	}
	refused := connect(t, d.Back()[0])
	refused.greet(0, "REQ")
	refused.closed()
	s := d.subscriber(t, "")
	d.stop()
	s.closed()
	if peer := <-gone; peer.Addr != s.LocalAddr().String() {
		t.Errorf("%+v", peer)
	}
	if len(gone) != 0 {
		t.Errorf("and %+v", <-gone)
	}
}
