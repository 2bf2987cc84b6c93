package probe

import (
	"fmt"
	"strconv"
	"time"

	"zmicroservices/conf"
	"zmicroservices/context/event"
)

// duty is one <expect> of one process. Judge.mu guards it.
type duty struct {
	ref    event.Ref
	n      int // its place in the task service's file
	expect conf.Expect
	over   bool // it was not met, or cannot be missed any more

	began   time.Time // what came before does not count
	grace   time.Duration
	own     bool     // it is judged by connections of its own
	samples []sample // oldest first; the first is as old as the time that rates are of

	step time.Duration // between two looks
	at   time.Time     // of the next look
	look time.Time     // of the last one
}

// sample is how many messages had come by then.
type sample struct {
	at       time.Time
	messages uint64
}

// How often is looked: so many times within what rates are of, and within an age; and
// never more often than that.
const (
	looksWithin = 20
	looksAnAge  = 4
	leastStep   = 25 * time.Millisecond
)

// late is by how much a look may be late, beside half of what rates are of. After a
// longer pause (the machine slept, this process was stopped) messages wait in
// sockets, and a rate would be of a time in which nobody listened.
const late = 500 * time.Millisecond

func newDuty(r event.Ref, n int, e conf.Expect, now time.Time, grace time.Duration) *duty {
	d := &duty{ref: r, n: n, expect: e, began: now, grace: grace, step: e.Within / looksWithin, at: now}
	if e.Age > 0 {
		d.step = min(d.step, e.Age/looksAnAge)
	}
	d.step = max(d.step, leastStep)
	return d
}

// judge looks once and says what is not met, as a clause; "" is all right.
func (d *duty) judge(now time.Time, l *ledger) string {
	a, own := l.whose(d.ref)
	paused := !d.look.IsZero() && now.Sub(d.look) > d.step+late+d.expect.Within/2
	d.look = now
	if len(d.samples) == 0 || paused || own != d.own {
		if paused {
			d.began = now
		}
		d.own, d.samples = own, []sample{{now, a.messages}}
	}
	d.note(now, a.messages)
	if now.Sub(d.began) < d.expect.Within+d.grace {
		return ""
	}
	first := d.samples[0]
	return d.verdict(now, float64(a.messages-first.messages), now.Sub(first.at), a)
}

// note keeps a sample from time to time, and of those that are old enough the latest.
func (d *duty) note(now time.Time, messages uint64) {
	if last := d.samples[len(d.samples)-1]; now.Sub(last.at) >= d.expect.Within/looksWithin {
		d.samples = append(d.samples, sample{now, messages})
	}
	for len(d.samples) > 1 && now.Sub(d.samples[1].at) >= d.expect.Within {
		d.samples = d.samples[1:]
	}
}

// verdict is about n messages in the time gone by. A message more or less is no
// news: one that is a little late falls into the next window.
func (d *duty) verdict(now time.Time, n float64, in time.Duration, a account) string {
	e, topic := &d.expect, "topic "+d.expect.Topic
	switch seconds := in.Seconds(); {
	case e.Min == 0 && e.Max == 0 && e.Age == 0:
		if a.messages == 0 || !d.own && a.last.Before(d.began) { // its own may come before it is ready
			return fmt.Sprintf("%s did not come within %v", topic, e.Within)
		}
		d.over = true // it owed a first one
		return ""
	case in < e.Within: // whose connection is whose was learned meanwhile
	case n+1 < e.Min*seconds || n == 0 && e.Min*seconds >= 1:
		return fmt.Sprintf("%s came %s, min %s, for %v", topic, rate(n/seconds, e.Min), rate(e.Min, e.Min), e.Within)
	case e.Max > 0 && n-1 > e.Max*seconds:
		return fmt.Sprintf("%s came %s, max %s, for %v", topic, rate(n/seconds, e.Max), rate(e.Max, e.Max), e.Within)
	}
	switch {
	case e.Age == 0:
	case a.last.Before(d.began) && now.Sub(d.began) > e.Age:
		return fmt.Sprintf("%s did not come for %v, age %v", topic, now.Sub(d.began).Round(time.Millisecond), e.Age)
	case now.Sub(a.last) > e.Age:
		return fmt.Sprintf("%s came last %v ago, age %v", topic, now.Sub(a.last).Round(time.Millisecond), e.Age)
	}
	return ""
}

// rate writes messages a second in the unit in which a limit is a number to look at.
func rate(r, limit float64) string {
	unit := "/s"
	switch {
	case limit >= 1:
	case limit*60 >= 1:
		r, unit = r*60, "/m"
	default:
		r, unit = r*3600, "/h"
	}
	if r >= 100 {
		return strconv.FormatFloat(r, 'f', 0, 64) + unit
	}
	return strconv.FormatFloat(r, 'g', 3, 64) + unit
}
