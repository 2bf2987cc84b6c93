package limit

import (
	"maps"
	"slices"
	"time"

	"zmicroservices/conf"
	"zmicroservices/context/event"
)

// Judge knows the limits of running processes. It is owned by one goroutine.
type Judge struct {
	watched map[event.Ref]*watched
	base    time.Time // from which looks are counted
}

// watched is a process and how it stands.
type watched struct {
	limits []conf.Limit
	above  []time.Time // since when each was exceeded; zero: it is not
	told   []bool      // of this excess
	every  time.Duration
	next   time.Time // of the look
}

// NewJudge makes a judge of nothing.
func NewJudge() *Judge { return &Judge{watched: map[event.Ref]*watched{}} }

// Watch judges a process. Asked again it goes on as it was.
func (j *Judge) Watch(r event.Ref, limits []conf.Limit) {
	if len(limits) == 0 || j.watched[r] != nil {
		return
	}
	w := &watched{limits: limits, above: make([]time.Time, len(limits)), told: make([]bool, len(limits)), every: longest}
	for _, l := range limits {
		w.every = min(w.every, pace(l))
	}
	j.watched[r] = w
}

// Unwatch judges it no more.
func (j *Judge) Unwatch(r event.Ref) { delete(j.watched, r) }

// How often one looks: a few times within the time that a limit may be exceeded.
const (
	longest  = 5 * time.Second
	shortest = 250 * time.Millisecond
	looks    = 5
)

func pace(l conf.Limit) time.Duration {
	if l.For == 0 {
		return time.Second
	}
	return min(max(l.For/looks, shortest), longest)
}

// Due are the processes that are to be measured now.
func (j *Judge) Due(now time.Time) map[event.Ref]bool {
	if j.base.IsZero() {
		j.base = now
	}
	var due map[event.Ref]bool
	for r, w := range j.watched {
		if w.next.After(now) {
			continue
		}
		if due == nil {
			due = map[event.Ref]bool{}
		}
		due[r] = true
		// Those of one pace are looked at together.
		w.next = j.base.Add((now.Sub(j.base)/w.every + 1) * w.every)
	}
	return due
}

// Next is when somebody is due; zero: nobody is watched.
func (j *Judge) Next() (next time.Time) {
	for w := range maps.Values(j.watched) {
		if next.IsZero() || w.next.Before(next) {
			next = w.next
		}
	}
	return next
}

// Counts says that one of its limits is about connections, which not everybody counts.
func (j *Judge) Counts(r event.Ref) bool {
	w := j.watched[r]
	return w != nil && slices.ContainsFunc(w.limits, func(l conf.Limit) bool { return l.Measure == conf.Connections })
}

// Judge takes what a process costs and gives the limits that it has now exceeded for
// as long as they say.
func (j *Judge) Judge(r event.Ref, c *event.Cost) []event.Exceeded {
	w := j.watched[r]
	if w == nil || c.PID == 0 {
		return nil
	}
	var out []event.Exceeded
	total := c.Total()
	for i, l := range w.limits {
		value, limit := measure(l, &total)
		if value <= limit {
			w.above[i], w.told[i] = time.Time{}, false
			continue
		}
		if w.above[i].IsZero() {
			w.above[i] = c.At
		}
		if w.told[i] || c.At.Sub(w.above[i]) < l.For {
			continue
		}
		w.told[i] = true
		out = append(out, event.Exceeded{Ref: r, Limit: i, Reason: say(l, value)})
	}
	return out
}
