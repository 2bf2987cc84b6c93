package keys

import (
	"cmp"
	"context"
	"log/slog"
	"reflect"
	"sync"
	"time"
)

// interval is how often a roster looks for what was changed in place, if nothing
// else is said.
const interval = time.Second

// roster is a table of who may do what that is read again when its source has
// changed. All methods may be called at the same time.
type roster[K comparable] struct {
	log     *slog.Logger
	revoked func([]K)
	every   time.Duration
	// look reads the source if it has changed, or thorough says to look closer.
	// It is called with mu held. An error leaves the table as it is.
	look func(thorough bool) (table map[K]Grant, changed bool, err error)

	// news gets a token when there is something in gone. Sent with mu held, never
	// closed; capacity 1, as one token says it all.
	news chan struct{}

	mu      sync.Mutex // guards the rest
	table   map[K]Grant
	gone    []K    // removed or changed, and not told yet
	trouble string // the last error, which is logged once
}

func (r *roster[K]) init(log *slog.Logger, every time.Duration, revoked func([]K)) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	r.log, r.revoked, r.every, r.news = log, revoked, cmp.Or(every, interval), make(chan struct{}, 1)
}

// refresh brings the table up to date.
func (r *roster[K]) refresh(thorough bool) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.refreshLocked(thorough)
}

func (r *roster[K]) refreshLocked(thorough bool) error {
	table, changed, err := r.look(thorough)
	if err != nil {
		// Who is out of descriptors must not hang up on everybody for it.
		if text := err.Error(); text != r.trouble {
			r.trouble = text
			r.log.Warn("keys not read again; what was known before stays", "err", err)
		}
		return err
	}
	r.trouble = ""
	if !changed {
		return nil
	}
	for key, was := range r.table {
		if is, still := table[key]; !still || !reflect.DeepEqual(was, is) {
			r.gone = append(r.gone, key)
		}
	}
	r.table = table
	if len(r.gone) > 0 {
		select {
		case r.news <- struct{}{}:
		default:
		}
	}
	return nil
}

// lookup is for one handshake: what was added a moment ago is known.
func (r *roster[K]) lookup(key K) (Grant, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	_ = r.refreshLocked(false) // logged, and the old table is good
	g, known := r.table[key]
	return g, known
}

// run looks and tells until ctx ends.
func (r *roster[K]) run(ctx context.Context) error {
	t := time.NewTicker(r.every)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
			_ = r.refresh(true) // logged
		case <-r.news:
			r.mu.Lock()
			gone := r.gone
			r.gone = nil
			r.mu.Unlock()
			if r.revoked != nil && len(gone) > 0 {
				r.revoked(gone)
			}
		}
	}
}

// size is how many are in the table.
func (r *roster[K]) size() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.table)
}
