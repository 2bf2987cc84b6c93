package history

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"zmicroservices/context/event"
	"zmicroservices/context/store"
)

// How long things stay.
const (
	keepSamples = 2 * time.Hour
	keepMinutes = 5 * 24 * time.Hour
	keepHours   = 400 * 24 * time.Hour
)

// finest is how close samples may come: a tick of one second comes a little early or late.
const finest = 900 * time.Millisecond

// Options say where the history is.
type Options struct {
	Path   string
	Logger *slog.Logger
	Newer  bool // see store.Options
}

// History is the file. Its methods may be called from any goroutine; Add never waits.
type History struct {
	db *store.DB

	mu     sync.Mutex // guards all below
	minute int64      // that is gathered, seconds since 1970
	hour   int64      // that was looked after last
	by     map[series]*gathered
	probes map[series]Probes // of the same minute
}

type series struct {
	transaction event.TransactionID
	task        event.TaskID
}

// gathered is what came of a minute.
type gathered struct {
	first  time.Time
	last   time.Time
	mean   Row
	packed []byte
}

// Open opens the history, see store.Open. Nothing is written before Run.
func Open(ctx context.Context, o Options) (*History, error) {
	db, err := store.Open(ctx, store.Options{Path: o.Path, Schema: schema, Logger: o.Logger, Newer: o.Newer, Ring: 4096})
	if err != nil {
		return nil, err
	}
	return &History{db: db, by: map[series]*gathered{}, probes: map[series]Probes{}}, nil
}

// Run writes until ctx ends or Close is called, and what waits then.
func (h *History) Run(ctx context.Context) error { return h.db.Run(ctx) }

// Close writes what was gathered and closes the file, see store.DB.Close.
func (h *History) Close(ctx context.Context) error {
	h.mu.Lock()
	h.flush()
	h.mu.Unlock()
	return h.db.Close(ctx)
}

// Add takes the samples of one pass. It never waits.
func (h *History) Add(samples []Sample) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, s := range samples {
		h.turn(s.At)
		key := series{s.Transaction, s.Task}
		g := h.by[key]
		if g == nil {
			g = &gathered{first: s.At, mean: s.row()}
			h.by[key] = g
		} else if s.At.Sub(g.last) < finest {
			continue // somebody watches closely: that is seen by him, and not kept
		} else {
			g.mean.add(s.row())
		}
		g.packed, g.last = pack(g.packed, s), s.At
	}
}

// turn begins the minute of a time, if it is another one. h.mu is held.
func (h *History) turn(at time.Time) {
	if minute := at.Unix() / 60 * 60; minute != h.minute {
		h.flush()
		h.minute = minute
		h.tend(minute)
	}
}

// flush hands what was gathered to the writer.
func (h *History) flush() {
	if len(h.by) == 0 && len(h.probes) == 0 {
		return
	}
	by, probes, minute := h.by, h.probes, h.minute
	h.by, h.probes = make(map[series]*gathered, len(by)), make(map[series]Probes, len(probes))
	h.db.Do(func(tx *store.Tx) error {
		for key, g := range by {
			if err := g.write(tx, key, minute); err != nil {
				return fmt.Errorf("write history of %s: %w", key.task, err)
			}
		}
		for key, p := range probes {
			if err := p.write(tx, key, minute); err != nil {
				return fmt.Errorf("write probes of %s: %w", key.task, err)
			}
		}
		return nil
	})
}

func (g *gathered) write(tx *store.Tx, key series, minute int64) error {
	m := g.mean
	if _, err := tx.Exec(addSeries, string(key.transaction), string(key.task)); err != nil {
		return err
	}
	if _, err := tx.Exec(addPacked, string(key.transaction), string(key.task), g.first.UnixMilli(), g.packed); err != nil {
		return err
	}
	_, err := tx.Exec(addMinute, string(key.transaction), string(key.task), minute, m.Samples,
		m.RSS, m.RSSMax, m.CPU, m.CPUMax, m.FDs, m.FDsMax, m.Threads, m.Conns, m.Restarts)
	return err
}

// tend makes rows of hours and lets go of what is old, once an hour.
func (h *History) tend(now int64) {
	hour := now / 3600 * 3600
	if hour == h.hour {
		return
	}
	h.hour = hour
	h.db.Do(func(tx *store.Tx) error {
		_, err := tx.Exec(makeHours, hour)
		_, e := tx.Exec(makeProbeHours, hour)
		err = errors.Join(err, e)
		for query, before := range map[string]int64{
			dropSamples: (now - int64(keepSamples/time.Second)) * 1000,
			dropMinutes: now - int64(keepMinutes/time.Second),
			dropHours:   now - int64(keepHours/time.Second),

			dropProbeMinutes: now - int64(keepMinutes/time.Second),
			dropProbeHours:   now - int64(keepHours/time.Second),
		} {
			_, e := tx.Exec(query, before)
			err = errors.Join(err, e)
		}
		_, e = tx.Exec(dropSeries)
		return errors.Join(err, e)
	})
}

// Stats counts what was written and lost.
func (h *History) Stats() store.Stats { return h.db.Stats() }
