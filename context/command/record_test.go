package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"testing"
	"time"
)

// deck is a tape of the test's.
type deck struct {
	mu      sync.Mutex // guards all below
	topics  []string
	running *reeling
	played  []string
	broken  error
}

// reeling is a recording to which the test says what comes.
type reeling struct {
	messages chan string // sent by the test; closed by Finish
	finish   sync.Once
	closed   chan struct{} // closed by Close
	lost     Flow
}

func (d *deck) Record(prefixes []string) (Recording, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.topics = prefixes
	d.running = &reeling{messages: make(chan string, 1000), closed: make(chan struct{}), lost: Flow{3, 4}}
	return d.running, d.broken
}

func (d *deck) Play(_ Peer, frames [][]byte, commands bool) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.played = append(d.played, fmt.Sprintf("%s %v", frames, commands))
	return d.broken
}

func (d *deck) reeling() *reeling {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.running
}

func (r *reeling) Next() ([][]byte, time.Time, error) {
	m, ok := <-r.messages
	if !ok {
		return nil, time.Time{}, io.EOF
	}
	return [][]byte{[]byte(m)}, time.Now(), nil
}

func (r *reeling) Waiting() bool          { return len(r.messages) > 0 }
func (r *reeling) Finish(context.Context) { r.finish.Do(func() { close(r.messages) }) }
func (r *reeling) Dropped() Flow          { return r.lost }
func (r *reeling) Close()                 { close(r.closed) }

func TestARecordingComesWholeAndEndsWhenItsReaderHasEnough(t *testing.T) {
	h, d := newHouse(t), &deck{}
	h.handler.opts.Tape = d
	c := dial(t, listen(t, h))
	ctx, enough := context.WithCancel(t.Context())
	var got []string
	const n = 700
	dropped, err := c.Record(ctx, []string{"frames"}, func() {
		for i := range n {
			d.reeling().messages <- fmt.Sprint(i)
		}
	}, func(messages []BusMessage) error {
		if len(messages) > maxBatch {
			t.Errorf("%d at once", len(messages))
		}
		for _, m := range messages {
			got = append(got, string(m.Frames[0]))
		}
		enough() // what was sent by now still comes
		return nil
	})
	if err != nil || dropped != (Flow{3, 4}) || len(got) != n || got[n-1] != fmt.Sprint(n-1) || !slices.Equal(d.topics, []string{"frames"}) {
		t.Errorf("%d messages of %v, dropped %v: %v", len(got), d.topics, dropped, err)
	}
	<-d.reeling().closed
	// The same client may record once more.
	ctx, enough = context.WithCancel(t.Context())
	if _, err := c.Record(ctx, nil, enough, func([]BusMessage) error { return nil }); err != nil || !slices.Equal(d.topics, []string{""}) {
		t.Errorf("%v: %v", d.topics, err)
	}
}

func TestARecordingEndsWithItsReader(t *testing.T) {
	h, d := newHouse(t), &deck{}
	h.handler.opts.Tape = d
	path := listen(t, h)
	c := dial(t, path)
	full := errors.New("disk is full")
	_, err := c.Record(t.Context(), nil, func() { d.reeling().messages <- "x" }, func([]BusMessage) error { return full })
	if !errors.Is(err, full) {
		t.Errorf("got %v", err)
	}
	c.Close() // it hangs up
	<-d.reeling().closed
	d.broken = errors.New("too many connections")
	if _, err := dial(t, path).Record(t.Context(), nil, nil, nil); err == nil || err.Error() != "too many connections" {
		t.Errorf("got %v", err)
	}
}

func TestMessagesArePlayedInOrder(t *testing.T) {
	h, d := newHouse(t), &deck{}
	h.handler.opts.Tape = d
	c := dial(t, listen(t, h))
	messages := []BusMessage{{Frames: [][]byte{[]byte("a"), {0xff}}}, {Frames: [][]byte{[]byte("b")}}}
	for _, commands := range []bool{false, true} {
		if err := c.Play(t.Context(), messages, commands); err != nil {
			t.Fatal(err)
		}
	}
	if want := []string{"[a \xff] false", "[b] false", "[a \xff] true", "[b] true"}; !slices.Equal(d.played, want) {
		t.Errorf("played %q", d.played)
	}
	d.broken = errors.New("not this one")
	if err := c.Play(t.Context(), messages, false); err == nil || err.Error() != "not this one" || len(d.played) != 5 {
		t.Errorf("played %q: %v", d.played, err)
	}
}

// told tells of a bus, and how often it did.
type told struct{ n int }

func (b *told) BusReport() BusReport {
	b.n++
	return BusReport{ContextID: "context001", Connections: b.n}
}

func TestTheBusIsToldOnceOrUntilItsReaderHasEnough(t *testing.T) {
	h, b := newHouse(t), &told{}
	h.handler.opts.BusReporter = b
	c := dial(t, listen(t, h))
	if err := c.Bus(t.Context(), false, func(r BusReport) error {
		if r.Connections != 1 || r.ContextID != "context001" {
			t.Errorf("got %+v", r)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	enough := errors.New("enough")
	if err := c.Bus(t.Context(), true, func(r BusReport) error {
		if r.Connections == 3 {
			return enough
		}
		return nil
	}); !errors.Is(err, enough) {
		t.Errorf("got %v", err)
	}
}

func TestWhereThereIsNoBusToTellOfThatIsSaid(t *testing.T) {
	c := dial(t, listen(t, newHouse(t)))
	if err := c.Bus(t.Context(), true, nil); err == nil || err.Error() != "this provider tells nothing of its bus" {
		t.Errorf("got %v", err)
	}
	if _, err := c.Record(t.Context(), nil, nil, nil); err == nil || err.Error() != "this provider records nothing" {
		t.Errorf("got %v", err)
	}
	if err := c.Play(t.Context(), nil, false); err == nil || err.Error() != "this provider plays nothing back" {
		t.Errorf("got %v", err)
	}
}
