package trend

import (
	"math"
	"time"
)

// Series is one figure of one process. It is owned by one goroutine.
type Series struct {
	opts   Options
	began  time.Time
	points []point // closed steps, the oldest first
	open   point   // the least of the step that lasts
	until  float64 // its end, seconds since began
	high   float64 // the most that was forgotten
	told   bool
	since  float64 // when it was last seen to go on, if it was told
}

// point is the least value of a step at its time, in seconds since the series began, and
// how far above it the most was.
type point struct {
	at, value float64
	spread    float32
}

// Rise is a slope that leads to a limit.
type Rise struct {
	Slope      float64 // an hour, in the unit of the figure
	Confidence float64 // that there is one, 0 to 1
	Limit      float64
	Left       time.Duration // until the limit is reached, at this slope
}

// New makes a series without data.
func New(o Options) *Series { return &Series{opts: o, high: math.Inf(-1)} }

// Add takes a value and says whether it was the one with which a rise became certain. A
// rise is told once; it can be told again when it was over meanwhile. limit gives what the
// figure must not reach, +Inf if there is nothing; it is asked only when something rises.
//
// How far one looks ahead grows with what one has seen: all of Horizon with data of all
// of Memory, half of it with half. Values come in the order of their times; one that is
// older than the one before is not taken.
func (s *Series) Add(at time.Time, value float64, limit func() float64) (Rise, bool) {
	if s.began.IsZero() {
		s.began, s.open, s.until = at, point{value: value}, s.opts.Step.Seconds()
		return Rise{}, false
	}
	p := point{at: at.Sub(s.began).Seconds(), value: value}
	if p.at < s.open.at {
		return Rise{}, false
	}
	if p.at < s.until {
		s.open = s.open.with(p)
		return Rise{}, false
	}
	s.keep(s.open)
	step := s.opts.Step.Seconds()
	s.open, s.until = p, (math.Floor(p.at/step)+1)*step
	return s.judge(limit)
}

// with is the least of two, of which p came later, and how far above it the most is.
func (p point) with(q point) point {
	most := max(p.value+float64(p.spread), q.value+float64(q.spread))
	if q.value < p.value {
		p = q
	}
	p.spread = float32(most - p.value)
	return p
}

// keep adds a closed step and forgets what is too old. What is forgotten leaves its mark.
func (s *Series) keep(p point) {
	room, old := max(int(s.opts.Memory/s.opts.Step), windows), 0
	for old < len(s.points) && (len(s.points)-old >= room || p.at-s.points[old].at > s.opts.Memory.Seconds()) {
		s.high = max(s.high, s.points[old].value)
		old++
	}
	s.points = append(s.points[:copy(s.points, s.points[old:])], p)
}

// before is the most that was before a time: what was forgotten, and what the first
// window has before its least point, where a fall would go unseen.
func (s *Series) before(at float64) float64 {
	high := s.high
	for _, p := range s.points {
		if p.at >= at {
			break
		}
		high = max(high, p.value)
	}
	return high
}

// judge looks at what is kept, after each step.
func (s *Series) judge(limit func() float64) (Rise, bool) {
	n := len(s.points)
	if n < windows {
		return Rise{}, false
	}
	span := s.points[n-1].at - s.points[0].at
	if span < s.opts.Least.Seconds() {
		return Rise{}, false
	}
	// What has not grown from end to end is most of all there is, and costs nothing.
	if !s.told && s.points[n-1].value <= s.points[0].value {
		return Rise{}, false
	}
	var floor [windows]point
	lows(s.points, &floor)
	f := look(floor[:])
	at := s.points[n-1].at
	if s.told {
		if f.goesOn() {
			s.since = at
		}
		s.told = at-s.since < s.opts.Least.Seconds()
		return Rise{}, false
	}
	if f.confidence < s.opts.Confidence || !f.rises() || f.now <= s.before(floor[0].at) {
		return Rise{}, false
	}
	r := Rise{Slope: f.slope * 3600, Confidence: f.confidence, Limit: limit()}
	seconds := (r.Limit - f.now) / f.slope
	horizon := s.opts.Horizon.Seconds() * min(1, span/s.opts.Memory.Seconds())
	if seconds <= 0 || seconds > horizon {
		return Rise{}, false
	}
	r.Left, s.told, s.since = time.Duration(seconds*float64(time.Second)), true, at
	return r, true
}
