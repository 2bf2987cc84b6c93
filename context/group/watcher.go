package group

import (
	"context"
	"errors"
	"sync"

	"zmicroservices/context/event"
)

// ErrLagged says that a reader was too slow and lost Changes. Resync gives it a
// new View to go on from.
var ErrLagged = errors.New("reader lagged behind")

// watchQueue bounds the Changes kept for one reader.
const watchQueue = 4096

// A Watcher reads a transaction: a View first, then every Change after it,
// without a gap.
type Watcher struct {
	board   *board
	changes chan event.Change // sent by board.post, never closed; capacity: see watchQueue
	gone    chan struct{}     // closed when the group has ended

	// guarded by board.mu
	view   *event.View
	lagged bool
}

// board is where the loop posts what readers see.
type board struct {
	mu       sync.Mutex // guards all below
	view     *event.View
	watchers map[*Watcher]struct{}
	gone     chan struct{}
	lost     uint64 // Changes that slow readers lost
}

func newBoard(v *event.View) *board {
	return &board{view: v, watchers: map[*Watcher]struct{}{}, gone: make(chan struct{})}
}

// post shows a View and the Changes that led to it.
func (b *board) post(v *event.View, changes []event.Change) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.view = v
	for w := range b.watchers {
		for i, c := range changes {
			if w.lagged {
				b.lost += uint64(len(changes) - i)
				break
			}
			select {
			case w.changes <- c:
			default:
				w.lagged = true
				b.lost++
			}
		}
	}
}

func (b *board) latest() *event.View {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.view
}

func (b *board) watch() *Watcher {
	b.mu.Lock()
	defer b.mu.Unlock()
	w := &Watcher{board: b, changes: make(chan event.Change, watchQueue), gone: b.gone, view: b.view}
	b.watchers[w] = struct{}{}
	return w
}

// View is the picture that the Changes go on from.
func (w *Watcher) View() *event.View {
	w.board.mu.Lock()
	defer w.board.mu.Unlock()
	return w.view
}

// Next gives the next Change: ErrLagged when some were lost, ErrEnded when the
// group has ended and all was read, or ctx's error.
func (w *Watcher) Next(ctx context.Context) (event.Change, error) {
	select {
	case c := <-w.changes:
		return c, nil
	default:
	}
	w.board.mu.Lock()
	lagged := w.lagged
	w.board.mu.Unlock()
	if lagged && len(w.changes) == 0 {
		return event.Change{}, ErrLagged
	}
	select {
	case c := <-w.changes:
		return c, nil
	case <-w.gone:
		select { // both may have been ready: nothing that was posted is left unread
		case c := <-w.changes:
			return c, nil
		default:
			return event.Change{}, ErrEnded
		}
	case <-ctx.Done():
		return event.Change{}, ctx.Err()
	}
}

// Resync forgets what was lost and goes on from the View that it gives.
func (w *Watcher) Resync() *event.View {
	w.board.mu.Lock()
	defer w.board.mu.Unlock()
	for len(w.changes) > 0 {
		<-w.changes
	}
	w.lagged, w.view = false, w.board.view
	return w.view
}

// Close ends the reading.
func (w *Watcher) Close() {
	w.board.mu.Lock()
	defer w.board.mu.Unlock()
	delete(w.board.watchers, w)
}
