package journal

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"zmicroservices/context/store"
)

// Journal is the record of what happened and what is wanted. All methods may be
// called from any goroutine; those without a context never block.
type Journal struct {
	opts Options
	db   *store.DB

	recorded atomic.Uint64 // rows since Open; every so many a piece is looked at for retention
	trimming atomic.Bool   // a piece is queued already
}

// linger is how long a change waits for what follows from it: a service that dies is
// seen, gone, started and spawned within it, and its want is written once. Answers do not
// wait for it, and what the keeper tells it tells again if we die meanwhile.
const linger = 5 * time.Millisecond

// Open opens the journal, see store.Open. Nothing is written before Run.
func Open(ctx context.Context, o Options) (*Journal, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	o = o.withDefaults()
	db, err := store.Open(ctx, store.Options{
		Path: o.Path, Schema: schema, Linger: linger, Logger: o.Logger, Ring: o.Ring, Newer: o.Newer,
		Vital: []string{"transactions", "wants"},
	})
	if err != nil {
		return nil, err
	}
	return &Journal{opts: o, db: db}, nil
}

// Run writes until ctx ends or Close is called, and what waits then.
func (j *Journal) Run(ctx context.Context) error {
	over := make(chan error, 1) // one error, of the writer
	go func() { over <- j.db.Run(ctx) }()
	// Rows grow old also where nothing happens.
	hourly := time.NewTicker(time.Hour)
	defer hourly.Stop()
	j.trim()
	j.sweep()
	for {
		select {
		case <-hourly.C:
			j.trim()
			j.sweep()
		case err := <-over: // the writer ends by ctx and by Close
			return err
		}
	}
}

// Close writes what waits and closes the file, see store.DB.Close.
func (j *Journal) Close(ctx context.Context) error { return j.db.Close(ctx) }

// Committed calls done when everything above is in the file, or with the reason
// why that cannot be said, see store.DB.Barrier. done must not block.
func (j *Journal) Committed(done func(error)) { j.db.Barrier(done) }

// Durable is Committed for one who can wait until a failing disk is well again,
// as the acknowledgement of an exit can: the keeper has it as long. done is told
// nil, or store.ErrLost, when there is nothing to wait for any more, or
// store.ErrClosed.
func (j *Journal) Durable(done func(error)) { j.db.Durable(done) }

// Gather tells of a rush, see store.DB.Gather.
func (j *Journal) Gather(most time.Duration) { j.db.Gather(most) }

// Shrink gives memory back, see store.DB.Shrink.
func (j *Journal) Shrink() { j.db.Shrink() }

// Stats are the figures of the store.
func (j *Journal) Stats() store.Stats { return j.db.Stats() }

// settle lets a question see what was recorded before it. A disk that fails is
// no reason not to answer from what there is.
func (j *Journal) settle(ctx context.Context) error {
	err := j.db.Flush(ctx)
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, store.ErrClosed) {
		return err
	}
	return nil
}
