package abuse

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"time"

	"zmicroservices/test/harness"
)

// bystander is somebody whose messages have nothing to do with what goes on: a
// publisher and a subscriber of a topic of their own.
type bystander struct {
	t     testing.TB
	out   *harness.Client
	in    *harness.Client
	n     int
	quiet pace // before anything bad came
}

// pace is how long messages took from the publisher to the subscriber.
type pace struct{ p50, p99 time.Duration }

func (p pace) String() string { return fmt.Sprintf("p50 %v, p99 %v", p.p50, p.p99) }

func newBystander(t testing.TB, p *harness.Provider) *bystander {
	t.Helper()
	b := &bystander{t: t, in: harness.Subscriber(t, p.Subscribe, "bystander"), out: harness.Publisher(t, p.Publish)}
	b.join()
	b.quiet = b.measure()
	return b
}

// join sends until something is heard, then hears the rest.
func (b *bystander) join() {
	b.t.Helper()
	greet(b.t, b.in, b.out, "bystander")
	b.say()
}

// say sends one message and hears it; what comes before is from join.
func (b *bystander) say() time.Duration {
	b.t.Helper()
	b.n++
	m := fmt.Appendf(nil, "bystander @@@ %d", b.n)
	began := time.Now()
	if err := b.out.Send(m); err != nil {
		b.t.Fatal(err)
	}
	if err := b.in.SetReadDeadline(began.Add(harness.Patience)); err != nil {
		b.t.Fatal(err)
	}
	for {
		got, err := b.in.Receive()
		if err != nil {
			b.t.Fatalf("a bystander's message did not come: %v", err)
		}
		if bytes.Equal(got, m) {
			return time.Since(began)
		}
	}
}

// measure sends messages one after the other.
func (b *bystander) measure() pace {
	b.t.Helper()
	const messages = 200
	all := make([]time.Duration, messages)
	for i := range all {
		all[i] = b.say()
	}
	slices.Sort(all)
	return pace{p50: all[messages/2], p99: all[messages*99/100]}
}

// notices says whether somebody whose messages took as long when all was quiet
// would have noticed. The bounds are those of a machine that does ten other things,
// and far below what a forwarder gives that waits for one who misbehaves.
func (b *bystander) notices(now pace) bool {
	return now.p50 > 20*b.quiet.p50+100*time.Millisecond || now.p99 > 20*b.quiet.p99+time.Second
}
