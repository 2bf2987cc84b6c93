package watchdog

import (
	"fmt"
	"strconv"
	"time"
)

// Rules say how long a microservice may be silent.
type Rules struct {
	Rule
	Types map[string]Rule // of types that have their own
}

// Rule is the one of a type.
type Rule struct {
	Interval   time.Duration // at which a microservice pings; one that is seen to do so less often gets its own
	Inactive   After         // silence until it is inactive
	Terminated After         // silence until it is terminated
	End        time.Duration // from terminated to the end of its observation
}

// DefaultRules are those of nobody's configuration.
func DefaultRules() Rules {
	return Rules{Rule: Rule{Interval: time.Minute, Inactive: After{Intervals: 2.5}, Terminated: After{Intervals: 10}, End: 24 * time.Hour}}
}

// of is the rule of a type.
func (r Rules) of(kind string) Rule {
	if own, ok := r.Types[kind]; ok {
		return own
	}
	return r.Rule
}

// After is a length of silence: a time, or so many of a microservice's own intervals.
type After struct {
	Intervals float64
	Time      time.Duration // counts if it is not 0
}

// ParseAfter reads "2.5", which are intervals, or "150s", which is a time.
func ParseAfter(text string) (After, error) {
	if n, err := strconv.ParseFloat(text, 64); err == nil {
		if n > 0 && n <= 1e6 {
			return After{Intervals: n}, nil
		}
		return After{}, fmt.Errorf("%q is no number of intervals above 0", text)
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		return After{}, fmt.Errorf("%q is neither a number of intervals, as in 2.5, nor a time above 0, as in 150s", text)
	}
	return After{Time: d}, nil
}

// of is the silence of one that speaks at an interval.
func (a After) of(interval time.Duration) time.Duration {
	if a.Time > 0 {
		return a.Time
	}
	return time.Duration(a.Intervals * float64(interval))
}

func (r Rule) validate() error {
	switch inactive, terminated := r.Inactive.of(r.Interval), r.Terminated.of(r.Interval); {
	case r.Interval < shortestInterval || r.Interval > longestInterval:
		return fmt.Errorf("ping_interval %v is not from %v to %v", r.Interval, shortestInterval, longestInterval)
	case inactive <= r.Interval:
		return fmt.Errorf("inactive_after is %v: a microservice that pings every %v would be inactive between two pings", inactive, r.Interval)
	case terminated <= inactive:
		return fmt.Errorf("terminated_after is %v, no more than inactive_after, which is %v", terminated, inactive)
	case r.End <= 0:
		return fmt.Errorf("end_after %v is not above 0", r.End)
	}
	return nil
}

// Bounds of an interval, configured or seen.
const (
	shortestInterval = 10 * time.Millisecond
	longestInterval  = 24 * time.Hour
	mostLearned      = time.Hour // one that says a word a day is not awaited for two and a half
)
