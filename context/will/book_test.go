package will

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"zmicroservices/context/event"
)

// bench is a book, and what it has published.
type bench struct {
	*Book
	t *testing.T

	mu       sync.Mutex // guards the rest
	said     []string
	standing map[event.Ref]Standing
}

func newBench(t *testing.T) *bench {
	b := &bench{t: t, standing: map[event.Ref]Standing{}}
	var err error
	b.Book, err = New(Options{Logger: slog.New(slog.DiscardHandler), Standing: func(r event.Ref) Standing {
		b.mu.Lock()
		defer b.mu.Unlock()
		return b.standing[r]
	}})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *bench) author(conn uint64, owner event.Ref) Author {
	return Author{
		Conn: conn, Name: fmt.Sprint(conn), Owner: owner,
		Admit: func(frame []byte) error {
			if strings.HasPrefix(string(frame), "guarded") {
				return errors.New("not yours")
			}
			return nil
		},
		Publish: func(frame []byte) error {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.said = append(b.said, fmt.Sprintf("%d: %s", conn, frame))
			return nil
		},
	}
}

// lay lays down a will that has to be taken.
func (b *bench) lay(conn uint64, owner event.Ref, payload string) {
	b.t.Helper()
	if err := b.Put(b.author(conn, owner), []byte(payload)); err != nil {
		b.t.Fatal(err)
	}
}

// expect says what was published since the last time.
func (b *bench) expect(want ...string) {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if !slices.Equal(b.said, want) {
		b.t.Errorf("published %q, want %q", b.said, want)
	}
	b.said = nil
}

func (b *bench) stands(s Standing) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.standing[service] = s
}

func (b *bench) kept(n int) {
	b.t.Helper()
	s := b.Stats()
	if s.Kept != n || n == 0 && (s.Bytes != 0 || len(b.authors)+len(b.owned) != 0) {
		b.t.Errorf("%+v with %d authors, want %d kept", s, len(b.authors), n)
	}
}

var service = event.Ref{Transaction: "T", Task: "ts001", Incarnation: 1}

func TestAStrangersWillsArePublishedWhenItsConnectionBreaks(t *testing.T) {
	b := newBench(t)
	b.lay(1, event.Ref{}, `{"topic":"a","payload":{"x":1}}`)
	b.lay(1, event.Ref{}, `{"topic":"a","payload": {"x": 2}}`)
	b.lay(1, event.Ref{}, `{"topic":"b","payload":"text"}`)
	b.lay(2, event.Ref{}, `{"topic":"a","payload":3}`)
	b.Closed(3)
	b.expect()
	b.Closed(1)
	b.expect(`1: a @@@ {"x":2}`, `1: b @@@ "text"`)
	b.Closed(1)
	b.expect()
	b.kept(1)
	b.lay(2, event.Ref{}, `{"topic":"a","payload":null}`)
	b.Closed(2)
	b.expect()
	b.kept(0)
	if s := b.Stats(); s != (Stats{Laid: 4, Withdrawn: 1, Published: 2}) {
		t.Errorf("%+v", s)
	}
}

// The connection breaks as the process ends: Gone returns when the will is said.
func TestGoneWaitsForWhatIsBeingSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.stands(Died)
		a := b.author(1, service)
		say, speaking, spoken := a.Publish, make(chan struct{}), make(chan struct{})
		a.Publish = func(frame []byte) error { close(speaking); <-spoken; return say(frame) }
		if err := b.Put(a, []byte(`{"topic":"end","payload":1}`)); err != nil {
			t.Fatal(err)
		}
		go b.Closed(1) // ends when it was spoken
		<-speaking
		gone := make(chan struct{})
		go func() { b.Gone(service, true); close(gone) }() // the same
		synctest.Wait()
		select {
		case <-gone:
			t.Error("Gone has returned before the will was said")
		default:
		}
		close(spoken)
		<-gone
		b.expect(`1: end @@@ 1`)
		b.kept(0)
		if len(b.saying) > 0 {
			t.Error("something is left of it")
		}
	})
}

func TestAgentsThatShareAConnectionHaveAWillEach(t *testing.T) {
	b := newBench(t)
	for _, gid := range []string{"g1", "g2", "g3", "g1"} {
		b.lay(1, event.Ref{}, `{"topic":"end","payload":{"gid":"`+gid+`"}}`)
	}
	b.kept(3)
	b.lay(1, event.Ref{}, `{"topic":"end","gid":"g3","payload":null}`)
	b.Said(1, "end", "g2")
	b.Said(1, "other", "g1")
	b.Said(2, "end", "g1")
	b.Closed(1)
	b.expect(`1: end @@@ {"gid":"g1"}`)
	b.kept(0)
}

func TestATaskServicesWillWaitsForItsProcess(t *testing.T) {
	for name, row := range map[string]struct {
		do   func(b *bench)
		want []string
	}{
		"dies before its connection breaks": {func(b *bench) { b.Gone(service, true); b.Closed(1) }, []string{"1: end @@@ 1"}},
		"dies after":                        {func(b *bench) { b.Closed(1); b.expect(); b.Gone(service, true); b.Gone(service, true) }, []string{"1: end @@@ 1"}},
		"ends in order":                     {func(b *bench) { b.Closed(1); b.Gone(service, false) }, nil},
		"ended in order long ago":           {func(b *bench) { b.stands(Ended); b.Closed(1) }, nil},
		"died long ago":                     {func(b *bench) { b.stands(Died); b.Closed(1) }, []string{"1: end @@@ 1"}},
		"comes back in time": {func(b *bench) {
			b.Closed(1)
			time.Sleep(DefaultGrace - time.Second)
			b.lay(2, service, `{"topic":"end","payload":2}`)
			time.Sleep(2 * DefaultGrace)
			synctest.Wait()
			b.expect()
			b.Gone(service, true)
		}, []string{"2: end @@@ 2"}},
		"comes back, and whose it is is known later": {func(b *bench) {
			b.Closed(1)
			b.lay(2, event.Ref{}, `{"topic":"end","payload":2}`)
			b.Own(2, service)
			b.Own(3, service)
			time.Sleep(2 * DefaultGrace)
			synctest.Wait()
			b.expect()
			b.Gone(service, true)
		}, []string{"2: end @@@ 2"}},
		"lives, and does not come back": {func(b *bench) {
			b.Closed(1)
			time.Sleep(DefaultGrace - time.Millisecond)
			synctest.Wait()
			b.expect()
			time.Sleep(time.Millisecond)
			synctest.Wait()
			b.expect("1: end @@@ 1")
			b.Gone(service, true)
		}, nil},
		"was told to end, and takes its time": {func(b *bench) {
			b.stands(Ending)
			b.Closed(1)
			time.Sleep(10 * DefaultGrace)
			synctest.Wait()
			b.expect()
			b.Gone(service, false)
		}, nil},
		"says goodbye on another connection": {func(b *bench) {
			b.Closed(1)
			b.lay(2, service, `{"topic":"end","payload":{"gid":"g"}}`)
			b.lay(3, service, `{"topic":"end","payload":{"gid":"g"}}`)
			b.Said(3, "end", "g")
			b.Gone(service, true)
		}, []string{"1: end @@@ 1"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t)
				ctx, cancel := context.WithCancel(t.Context())
				ended := make(chan error, 1)
				go func() { ended <- b.Run(ctx) }() // ends with ctx
				b.lay(1, service, `{"topic":"end","payload":1}`)
				row.do(b)
				synctest.Wait()
				b.expect(row.want...)
				b.kept(0)
				cancel()
				if err := <-ended; err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func TestWhatIsRefusedIsCounted(t *testing.T) {
	b := newBench(t)
	for payload, want := range map[string]string{
		``:                                  "read it",
		`[]`:                                "read it",
		`{"payload":1}`:                     "topic is missing",
		`{"topic":"a"}`:                     "payload is missing",
		`{"topic":"a b","payload":1}`:       "cannot be a topic",
		`{"topic":"a@@@","payload":1}`:      "cannot be a topic",
		`{"topic":"context","payload":{}}`:  "may not be published on context",
		`{"topic":"process","payload":{}}`:  "may not be published on process",
		`{"topic":"state","payload":{}}`:    "may not be published on state",
		`{"topic":"control","payload":{}}`:  "may not be published on control",
		`{"topic":"zms.will","payload":{}}`: "may not be published on zms.will",
		`{"topic":"guarded","payload":{}}`:  "not its author's to publish: not yours",
		`{"topic":"` + strings.Repeat("t", 256) + `","payload":{}}`:      "topic has 256 bytes",
		`{"topic":"a","payload":"` + strings.Repeat("x", MaxSize) + `"}`: "at most 65536 are kept",
	} {
		if err := b.Put(b.author(1, event.Ref{}), []byte(payload)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.80s: %v, want %s", payload, err, want)
		}
	}
	b.kept(0)
	if s := b.Stats(); s.Refused != 14 {
		t.Errorf("%+v", s)
	}
}

func TestWillsAreBounded(t *testing.T) {
	b := newBench(t)
	for n := range 10_000 {
		err := b.Put(b.author(1, event.Ref{}), fmt.Appendf(nil, `{"topic":"t%d","payload":1}`, n))
		if n < MaxWills && err != nil || n >= MaxWills && !errors.Is(err, ErrMany) {
			t.Fatalf("%d: %v", n, err)
		}
	}
	b.lay(1, event.Ref{}, `{"topic":"t3","payload":2}`) // in the place of one
	b.kept(MaxWills)
	for _, almost := range []Stats{{Kept: MaxAll, Bytes: 1}, {Kept: 1, Bytes: MaxBytes - 6}} {
		b.stats = almost // of others
		if err := b.Put(b.author(2, event.Ref{}), []byte(`{"topic":"t","payload":1}`)); !errors.Is(err, ErrFull) {
			t.Errorf("%+v: %v", almost, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		`{"topic":"hippodamia.state.end","payload":{"gid":"g","uuid":"u"}}`, `{"topic":"a","payload":null}`, `{"topic":"a","payload":[1,{"b":"@@@"}]}`,
		`{"topic":"a","gid":"g","payload":null}`, `{"topic":"\u0000"}`, `{"topic":"a","payload":{"gid":7}}`, `null`, `{"topic":"context ","payload":1}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		w, err := Parse(payload)
		if err != nil {
			return
		}
		if checkTopic(w.Topic) != nil || len(w.Payload) > MaxSize {
			t.Errorf("%q gives %+v", payload, w)
		}
		if w.Payload == nil {
			return
		}
		again, err := Parse(fmt.Appendf(nil, `{"topic":%q,"payload":%s}`, "t", w.Payload))
		if err != nil || again.GID != w.GID || string(again.Payload) != string(w.Payload) {
			t.Errorf("%q gives %+v, and that %+v: %v", payload, w, again, err)
		}
	})
}
