package history

import (
	"context"
	"fmt"
	"time"

	"zmicroservices/context/event"
	"zmicroservices/context/store"
)

// Answer is one check of a probe of a task service.
type Answer struct {
	Transaction event.TransactionID
	Task        event.TaskID
	At          time.Time // when it came
	Took        time.Duration
	OK          bool
}

// Probes is what the checks of all probes of a task service came to in a span of time,
// those that failed included: one that timed out took as long as its timeout.
type Probes struct {
	At       time.Time
	Span     time.Duration
	Checks   int // of exec, http and tcp probes together
	Failures int // of them
	Mean     time.Duration
	Max      time.Duration
}

// Answered takes what a check came to. It never waits, and keeps one Probes a task
// service until the minute is over.
func (h *History) Answered(a Answer) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.turn(a.At)
	key := series{a.Transaction, a.Task}
	p := h.probes[key]
	p.Checks++
	if !a.OK {
		p.Failures++
	}
	p.Mean += (a.Took - p.Mean) / time.Duration(p.Checks)
	p.Max = max(p.Max, a.Took)
	h.probes[key] = p
}

func (p Probes) write(tx *store.Tx, key series, minute int64) error {
	if _, err := tx.Exec(addSeries, string(key.transaction), string(key.task)); err != nil {
		return err
	}
	_, err := tx.Exec(addProbes, string(key.transaction), string(key.task), minute, p.Checks, p.Failures,
		p.Mean.Microseconds(), p.Max.Microseconds())
	return err
}

// Probes gives what checks came to, the oldest first: minutes for five days, else hours.
// There is none of a span of time in which nothing was asked.
func (h *History) Probes(ctx context.Context, q Query, now time.Time) ([]Probes, error) {
	list, err := h.readProbes(ctx, q, now)
	if err != nil {
		return nil, fmt.Errorf("read history of probes: %w", err)
	}
	return list, nil
}

func (h *History) readProbes(ctx context.Context, q Query, now time.Time) ([]Probes, error) {
	if q.Until.IsZero() {
		q.Until = now
	}
	if err := h.settle(ctx); err != nil {
		return nil, err
	}
	var hours []Probes
	if now.Sub(q.Since)-time.Minute > keepMinutes {
		var err error
		if hours, err = h.probesOf(ctx, readProbeHours, time.Hour, q); err != nil {
			return nil, err
		}
		if len(hours) > 0 { // of the hour that is not over there are minutes only
			q.Since = hours[len(hours)-1].At.Add(time.Hour)
		}
	}
	minutes, err := h.probesOf(ctx, readProbeMinutes, time.Minute, q)
	return append(hours, minutes...), err
}

const (
	probeColumns     = `SELECT at, checks, failures, latency_us, latency_us_max FROM `
	readProbeMinutes = probeColumns + `probe_minutes` + chosen
	readProbeHours   = probeColumns + `probe_hours` + chosen
)

func (h *History) probesOf(ctx context.Context, query string, span time.Duration, q Query) (list []Probes, err error) {
	// A span that had begun before what is asked for is of it, too.
	since := q.Since.Truncate(span).Unix()
	rows, err := h.db.Read(ctx, query, string(q.Transaction), string(q.Task), since, q.Until.Unix())
	if err != nil {
		return nil, err
	}
	err = each(rows, func() error {
		p := Probes{Span: span}
		var at, mean, most int64
		err := rows.Scan(&at, &p.Checks, &p.Failures, &mean, &most)
		p.At, p.Mean, p.Max = time.Unix(at, 0), time.Duration(mean)*time.Microsecond, time.Duration(most)*time.Microsecond
		list = append(list, p)
		return err
	})
	return list, err
}
