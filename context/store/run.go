package store

import (
	"context"
	"fmt"
	"time"
)

// group is how many writes one commit takes at most: enough that its fixed cost
// is nothing a write, few enough that a barrier behind them comes back soon, in
// some milliseconds.
const group = 256

// Run writes until ctx ends or Close is called, then once more what waits, and
// returns. What is queued after it stays for another Run, or for Close. The
// error is the disk's when the last attempt failed; ErrRunning and ErrClosed say
// that it did not begin.
func (d *DB) Run(ctx context.Context) error {
	select {
	case <-d.closing:
		return ErrClosed
	default:
	}
	var w *writer
	select {
	case w = <-d.turn:
	default:
		return ErrRunning
	}
	d.setRunning(true)
	defer func() {
		d.setRunning(false)
		d.turn <- w
	}()
	pause := firstRetry
	for {
		err := d.drain(w, func() bool { return ctx.Err() != nil })
		if !d.await(ctx, err, pause) {
			break
		}
		if err == nil {
			pause = firstRetry
		} else {
			pause = min(2*pause, d.opts.Retry)
		}
	}
	d.rushed()
	// Callers that go on and on are no reason not to end.
	last, _ := d.numbers()
	if err := d.drain(w, func() bool { _, committed := d.numbers(); return committed >= last }); err != nil {
		return fmt.Errorf("write store: %w", err)
	}
	return nil
}

// await waits for something to write, and for the end of a rush, or, after a failure,
// for the next attempt; barriers that come meanwhile hear why the last one failed.
// False: the end has come first.
func (d *DB) await(ctx context.Context, failure error, retry time.Duration) bool {
	var next <-chan time.Time
	if failure != nil {
		t := time.NewTimer(retry)
		defer t.Stop()
		next = t.C
	}
	var pause *time.Timer // of a rush
	for {
		var quiet <-chan time.Time
		if left := d.lingers(); failure == nil && left > 0 {
			if pause == nil {
				pause = time.NewTimer(left)
				defer pause.Stop()
			}
			quiet = pause.C
		}
		select {
		case <-next:
			return true
		case <-quiet:
			if !d.rush() {
				return true
			}
			pause.Reset(d.lingers())
		case <-d.wake:
			switch {
			case failure != nil:
				d.settle(failure, false)
			case d.lingers() == 0:
				return true
			}
		case <-ctx.Done():
			return false
		case <-d.closing:
			return false
		}
	}
}

// drain writes until nothing waits or it is to stop, and answers the barriers.
func (d *DB) drain(w *writer, stop func() bool) error {
	for !stop() && d.lingers() == 0 && d.take(w) {
		patience := d.watch()
		refused, err := w.write()
		patience.Stop()
		if w.renewed {
			d.reread(w)
		}
		if err != nil {
			d.failed(err)
			return err
		}
		d.committed(w, refused)
	}
	d.through(0)
	return nil
}

// take fills the writer's hand, unless it holds a group that failed. False:
// there is nothing to write.
func (d *DB) take(w *writer) bool {
	d.mu.Lock()
	fresh := len(w.hand) == 0
	if fresh {
		most := group
		if d.gather.large {
			most, d.gather.large = gatherMost, false
		}
		w.hand = d.queue.take(most)
		d.inHand = len(w.hand)
	}
	found := len(w.hand) > 0
	if found {
		d.attempt++
		d.writing = true
	}
	d.mu.Unlock()
	if fresh {
		merge(w.hand)
	}
	return found
}

// committed counts a group that is in the file.
func (d *DB) committed(w *writer, refused []error) {
	var number uint64
	for _, e := range w.hand {
		number = max(number, e.number)
	}
	n := uint64(len(w.hand))
	clear(w.hand) // its array may live on in the ring
	w.hand = nil
	d.mu.Lock()
	since, again := d.stats.Since, d.stats.Failing != "" || d.stats.Stalled
	lost := d.queue.losses
	d.inHand = 0
	d.writing = false
	d.stats.Commits++
	d.stats.Written += n - uint64(len(refused))
	d.stats.Refused += uint64(len(refused))
	d.stats.Failing, d.stats.Since, d.stats.Stalled = "", time.Time{}, false
	d.mu.Unlock()
	for _, err := range refused {
		d.opts.Logger.Error("store refused a write", "path", d.opts.Path, "err", err)
	}
	if again {
		d.opts.Logger.Info("store writes again", "path", d.opts.Path, "since", since, "lost", lost)
	}
	d.through(number)
}

// through answers the barriers up to a number; 0: up to where it is.
func (d *DB) through(number uint64) {
	d.mu.Lock()
	asked := d.queue.commit(number)
	d.mu.Unlock()
	for _, b := range asked {
		if b.lost {
			b.done(ErrLost)
		} else {
			b.done(nil)
		}
	}
}

// numbers are those of the latest write, and of the latest that is in the file.
func (d *DB) numbers() (last, committed uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.queue.last, d.queue.committed
}

// failed notes an attempt that failed, and says the first.
func (d *DB) failed(err error) {
	d.mu.Lock()
	first := d.stats.Failing == ""
	d.writing = false
	d.stats.Failing, d.stats.Stalled = err.Error(), false
	if d.stats.Since.IsZero() {
		d.stats.Since = time.Now()
	}
	waiting := d.inHand + d.queue.waiting()
	d.mu.Unlock()
	if first {
		d.opts.Logger.Error("store cannot write, writes wait", "path", d.opts.Path, "waiting", waiting, "err", err)
	}
	d.settle(err, false)
}

// watch looks after a commit that may not come back. It is a timer, so there is
// no goroutine while all is well.
func (d *DB) watch() *time.Timer {
	d.mu.Lock()
	attempt := d.attempt
	d.mu.Unlock()
	return time.AfterFunc(d.opts.Patience, func() { d.stalled(attempt) })
}

// stalled lets the barriers go while a commit does not come back; so each waits
// for Options.Patience at most. It calls itself again until the commit is over.
func (d *DB) stalled(attempt uint64) {
	d.mu.Lock()
	if !d.writing || d.attempt != attempt {
		d.mu.Unlock()
		return
	}
	first := !d.stats.Stalled
	d.stats.Stalled = true
	if d.stats.Since.IsZero() {
		d.stats.Since = time.Now().Add(-d.opts.Patience)
	}
	d.mu.Unlock()
	if first {
		d.opts.Logger.Error("store waits for a disk that does not answer", "path", d.opts.Path, "for", d.opts.Patience)
	}
	d.settle(ErrStalled, false)
	time.AfterFunc(d.opts.Patience, func() { d.stalled(attempt) })
}

// reread lets readers see the file that was begun anew.
func (d *DB) reread(w *writer) {
	readers, err := openReaders(d.opts)
	if err != nil {
		d.opts.Logger.Error("store cannot be read", "path", d.opts.Path, "err", err)
		return
	}
	w.renewed = false
	d.readers.Swap(readers).Close()
}

func (d *DB) setRunning(is bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.running = is
}
