package will

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"zmicroservices/context/event"
)

// Author is a connection that lays down wills.
type Author struct {
	Conn uint64
	Name string // for the log
	// Owner is the task service whose connection it is; zero: nobody's, or not known yet.
	Owner event.Ref
	// Admit says whether the peer might publish this itself.
	Admit func(frame []byte) error
	// Publish publishes it in the peer's name. It must not wait for anybody.
	Publish func(frame []byte) error
}

// Standing is how a task service's process is.
type Standing int

// What a process can be.
const (
	Lives  Standing = iota
	Ending          // it was told to
	Ended           // as it was told to, or with success
	Died
)

// Options are what a Book works with. Standing and Logger are required.
type Options struct {
	Grace    time.Duration // see the package; 0 is DefaultGrace
	Standing func(event.Ref) Standing
	Logger   *slog.Logger
}

// DefaultGrace is how long a task service that lives may take to be back on the bus.
const DefaultGrace = 5 * time.Second

// Stats counts wills: those that are kept, and what became of others since the Book began.
type Stats struct {
	Kept      int
	Bytes     int64
	Laid      uint64 // those that took another's place included
	Withdrawn uint64 // by their author, by its own goodbye, or by an end in order
	Published uint64
	Refused   uint64 // malformed, beyond a bound, or not the author's to publish
}

// Book keeps wills.
type Book struct {
	opts  Options
	woken chan struct{} // capacity 1: there is one more that waits; sent by Closed, never closed

	mu      sync.Mutex // guards all below; not held while anything is published
	said    *sync.Cond // of mu: a publication of a task service's wills is over
	saying  map[event.Ref]int
	authors map[uint64]*author
	owned   map[event.Ref][]*author // those of task services, whether connected or not
	stats   Stats
	logged  time.Time // the last refusal that was logged
	silent  int       // those that were not, since
}

// author is one connection's wills.
type author struct {
	Author
	wills []*entry
	due   time.Time // its connection broke, and its wills are published then; zero: it is connected
}

type entry struct {
	Will
	frame []byte
}

// New makes a Book; Run makes it publish what waits.
func New(o Options) (*Book, error) {
	if o.Standing == nil || o.Logger == nil {
		return nil, errors.New("will: Standing and Logger are required")
	}
	if o.Grace == 0 {
		o.Grace = DefaultGrace
	}
	b := &Book{opts: o, woken: make(chan struct{}, 1), saying: map[event.Ref]int{}, authors: map[uint64]*author{}, owned: map[event.Ref][]*author{}}
	b.said = sync.NewCond(&b.mu)
	return b, nil
}

// Stats counts.
func (b *Book) Stats() Stats {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.stats
}

// Run publishes the wills of task services that did not come back in time, until ctx ends.
func (b *Book) Run(ctx context.Context) error {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		timer.Reset(b.expire(time.Now()))
		select {
		case <-ctx.Done():
			return nil
		case <-b.woken:
		case <-timer.C:
		}
	}
}

// Own says whose connection it is, where that was not known when it laid down its will.
func (b *Book) Own(conn uint64, ref event.Ref) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if a := b.authors[conn]; a != nil && a.Owner == (event.Ref{}) && ref != (event.Ref{}) {
		a.Owner = ref
		b.owned[ref] = append(b.owned[ref], a)
	}
}

// Closed is told of a connection that is no more.
func (b *Book) Closed(conn uint64) {
	b.mu.Lock()
	a := b.authors[conn]
	if a == nil {
		b.mu.Unlock()
		return
	}
	delete(b.authors, conn)
	standing := Died
	if a.Owner != (event.Ref{}) {
		standing = b.opts.Standing(a.Owner)
	}
	if standing == Lives || standing == Ending {
		a.due = time.Now().Add(b.opts.Grace)
		b.mu.Unlock()
		select {
		case b.woken <- struct{}{}:
		default:
		}
		return
	}
	due := b.settle(a, standing == Died)
	b.mu.Unlock()
	b.publish(due)
}

// Gone is told of a task service's process that has ended; died: without having been
// told to, and without success. When it returns, its wills are published, by whomever:
// who would say goodbye for it knows what was said.
func (b *Book) Gone(ref event.Ref, died bool) {
	b.mu.Lock()
	var due []testament
	for len(b.owned[ref]) > 0 {
		a := b.owned[ref][0]
		delete(b.authors, a.Conn)
		due = append(due, b.settle(a, died)...)
	}
	b.mu.Unlock()
	b.publish(due)
	b.mu.Lock()
	defer b.mu.Unlock()
	for b.saying[ref] > 0 { // its connection broke at the same moment; nobody who publishes waits
		b.said.Wait()
	}
}

// expire publishes what waited for long enough, and gives the time until the next.
func (b *Book) expire(now time.Time) time.Duration {
	next := time.Hour
	var due []testament
	b.mu.Lock()
	for ref, authors := range b.owned {
		for _, a := range append([]*author(nil), authors...) {
			if a.due.IsZero() {
				continue
			}
			if !now.Before(a.due) {
				switch b.opts.Standing(ref) {
				case Ending: // it closes before it exits
					a.due = now.Add(b.opts.Grace)
				case Ended:
					b.settle(a, false)
					continue
				default:
					due = append(due, b.settle(a, true)...)
					continue
				}
			}
			next = min(next, a.due.Sub(now))
		}
	}
	b.mu.Unlock()
	b.publish(due)
	return next
}
