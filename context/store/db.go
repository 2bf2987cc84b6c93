package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// DB is a store. All methods may be called from any goroutine.
type DB struct {
	opts    Options
	readers atomic.Pointer[sql.DB] // a new one after damage

	// wake tells the writer that something waits. Do, Put and Barrier send
	// without blocking, nobody closes it; one word is enough, hence 1.
	wake chan struct{}
	// closing is closed by the first Close: nothing is taken any more.
	closing chan struct{}
	// turn holds the writer. Whoever took it out writes, and puts it back: Run
	// while it runs, Close at the end.
	turn chan *writer

	mu      sync.Mutex // guards what follows; held for lines, never across a call out
	queue   queue
	gather  gather
	inHand  int    // writes that the writer holds
	attempt uint64 // counts attempts to commit a group
	writing bool   // one is under way
	running bool
	closed  bool
	left    uint64 // writes that waited when the store was closed
	stats   Stats  // but Lost and Waiting
}

// Open opens the file and brings it to the version of the schema. Nothing is
// written before Run. It fails with *NewerError for the file of a newer program;
// a damaged file is moved aside, said, and begun anew.
func Open(ctx context.Context, o Options) (*DB, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	o = o.withDefaults()
	w, err := newWriter(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("open store %s: %w", o.Path, err)
	}
	readers, err := openReaders(o)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open store %s: %w", o.Path, err), w.close())
	}
	d := &DB{
		opts: o, wake: make(chan struct{}, 1), closing: make(chan struct{}),
		turn: make(chan *writer, 1), queue: queue{limit: o.Ring},
	}
	d.readers.Store(readers)
	d.turn <- w
	return d, nil
}

// Do queues a write. Writes are committed in the order of the calls. write runs
// on the writer's goroutine, and again if a commit failed, so what it does beside
// using tx must bear repetition; it may call Do, and must not wait. An error of
// its own, or of one of its statements that is not the disk's fault, undoes this
// write alone.
func (d *DB) Do(write func(tx *Tx) error) { d.push("", write) }

// Put is Do for a value of which only the latest counts, for example the row of
// one key. Of several that come at once the latest is written, where the first
// stood. When the ring runs over none is lost: the latest of each key is kept, so
// memory is bounded by the number of keys.
func (d *DB) Put(key string, write func(tx *Tx) error) { d.push(key, write) }

func (d *DB) push(key string, write func(tx *Tx) error) {
	d.mu.Lock()
	if d.closed {
		d.left++
		d.mu.Unlock()
		return
	}
	first := d.queue.empty()
	if first && d.opts.Linger > 0 && d.gather.until.IsZero() {
		d.gather.until = time.Now().Add(d.opts.Linger)
	}
	lost := d.queue.push(key, write) && d.queue.losses == 1
	d.mu.Unlock()
	if first {
		d.nudge()
	}
	if lost {
		d.opts.Logger.Error("store loses writes: too many wait for the disk", "path", d.opts.Path, "ring", d.opts.Ring)
	}
}

// Barrier asks for the moment when all that was queued before is in the file.
// done is called once, with nil; or with why that cannot be said: the error of
// the disk (the writes stay and are tried again), ErrStalled, ErrLost, ErrClosed.
// It is called by the writer (of ErrStalled by its timer, of ErrClosed by
// whoever asks or closes) and must not block. Like the writes it waits for Run.
func (d *DB) Barrier(done func(error)) { d.ask(done, false) }

// Durable is Barrier for one who can wait: through a failing or silent disk,
// until the writes are in the file (nil), are lost (ErrLost), or the store is
// closed without them (ErrClosed).
func (d *DB) Durable(done func(error)) { d.ask(done, true) }

func (d *DB) ask(done func(error), patient bool) {
	d.mu.Lock()
	if d.closed {
		d.mu.Unlock()
		done(ErrClosed)
		return
	}
	d.queue.ask(done, patient)
	d.mu.Unlock()
	d.nudge()
}

// Shrink gives back the memory that the writer's pages take, some 2 MiB, until it
// writes again. For one who has not written for a while.
func (d *DB) Shrink() {
	d.Put("shrink", func(tx *Tx) error {
		_, err := tx.Exec(`PRAGMA shrink_memory`)
		return err
	})
}

// Flush waits until all that was queued before is in the file, or cannot be. It
// does not wait for a writer that does not run.
func (d *DB) Flush(ctx context.Context) error {
	d.mu.Lock()
	running := d.running
	d.mu.Unlock()
	if !running {
		return nil
	}
	reply := make(chan error, 1) // one answer, taken or not
	d.Barrier(func(err error) { reply <- err })
	select {
	case err := <-reply:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Read asks the file, as of the last commit, on a connection that cannot write.
// It waits neither for the writer nor makes it wait. The caller closes the rows.
func (d *DB) Read(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	rows, err := d.readers.Load().QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("read store: %w", err)
	}
	return rows, nil
}

// Close takes nothing any more, waits for Run to end, writes what waits, in one
// attempt, and closes the file. Without Run it does the writing itself. The
// error says how many writes were lost; when ctx ends first, because the disk
// does not answer, the file is left to the kernel.
func (d *DB) Close(ctx context.Context) error {
	d.mu.Lock()
	closed := d.closed
	d.closed = true
	d.mu.Unlock()
	if closed {
		return nil
	}
	close(d.closing)
	over := make(chan error, 1) // one answer, taken or not
	// Ends when the disk has answered; only a dead one makes it outlive us.
	go func() { over <- d.finish(<-d.turn) }()
	var err error
	select {
	case err = <-over:
	case <-ctx.Done():
		d.settle(ErrClosed, true)
		err = fmt.Errorf("%w: %w", ErrStalled, ctx.Err())
	}
	if err != nil {
		return fmt.Errorf("close store %s: %w", d.opts.Path, err)
	}
	return nil
}

// finish writes what waits and closes the file.
func (d *DB) finish(w *writer) error {
	err := d.drain(w, func() bool { return false }) // nothing new comes any more
	d.settle(ErrClosed, true)
	d.mu.Lock()
	left := d.inHand + d.queue.waiting()
	d.left += uint64(left)
	d.inHand = 0
	d.queue = queue{limit: d.queue.limit, losses: d.queue.losses}
	d.mu.Unlock()
	if left > 0 {
		err = fmt.Errorf("%d writes lost: %w", left, err)
	}
	return errors.Join(err, d.readers.Load().Close(), w.close())
}

// nudge wakes the writer. A word that waits already will do.
func (d *DB) nudge() {
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// settle answers barriers with an error: all, or all but the patient.
func (d *DB) settle(err error, all bool) {
	d.mu.Lock()
	asked := d.queue.giveUp(all)
	d.mu.Unlock()
	for _, b := range asked {
		b.done(err)
	}
}
