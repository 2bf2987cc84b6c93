package schedule

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/go-co-op/gocron/v2"

	"zmicroservices/conf"
)

// Times are the times of one schedule. It is pure.
type Times struct {
	every time.Duration // 0: by cron
	since time.Time     // what every counts from

	cron gocron.Cron
	zone *time.Location
	once bool // of a time that the clock shows twice only the first counts
}

// NewTimes reads a schedule that conf has checked. An interval counts from since.
func NewTimes(s *conf.Schedule, since time.Time) (*Times, error) {
	if s.Every > 0 {
		return &Times{every: s.Every, since: since}, nil
	}
	zone, err := time.LoadLocation(cmp.Or(s.Zone, "Local"))
	if err != nil {
		return nil, fmt.Errorf("read schedule: %w", err)
	}
	text, seconds, once := crontab(s.Cron)
	t := &Times{zone: zone, once: once, cron: gocron.NewDefaultCron(seconds)}
	if err := t.cron.IsValid(text, zone, since); err != nil {
		return nil, fmt.Errorf("read cron %q: %w", s.Cron, err)
	}
	return t, nil
}

// Next gives the first time after the one given; zero if no year has one.
func (t *Times) Next(after time.Time) time.Time {
	if t.every > 0 {
		passed := after.Sub(t.since)
		n := passed / t.every
		if passed < 0 && passed%t.every != 0 {
			n-- // the clock was set back since
		}
		return t.since.Add((n + 1) * t.every)
	}
	next := t.cron.Next(after.In(t.zone))
	for t.once && !next.IsZero() && repeats(next) {
		next = t.cron.Next(next)
	}
	return next
}

// most bounds the times that are counted one by one.
const most = 1000

// Since gives the latest time after one and up to another, zero if there is none,
// and how many there were: of a cron 1,000 at most.
func (t *Times) Since(after, until time.Time) (latest time.Time, n int) {
	if t.every > 0 {
		first := t.Next(after)
		if first.After(until) {
			return time.Time{}, 0
		}
		more := until.Sub(first) / t.every
		return first.Add(more * t.every), 1 + int(more)
	}
	for at := t.Next(after); n < most && !at.IsZero() && !at.After(until); at = t.Next(at) {
		latest, n = at, n+1
	}
	return latest, n
}

// Upcoming gives the next n times of a schedule; fewer where there are no more.
func Upcoming(s *conf.Schedule, now time.Time, n int) ([]time.Time, error) {
	times, err := NewTimes(s, now)
	if err != nil {
		return nil, err
	}
	var list []time.Time
	for at := times.Next(now); len(list) < n && !at.IsZero(); at = times.Next(at) {
		list = append(list, at)
	}
	return list, nil
}

// repeats says that the clock of at's zone has shown this very time before: it
// was set back between. Zones set theirs back by half an hour to two.
func repeats(at time.Time) bool {
	for back := 30 * time.Minute; back <= 2*time.Hour; back += 30 * time.Minute {
		if at.Add(-back).Format(time.DateTime) == at.Format(time.DateTime) {
			return true
		}
	}
	return false
}

// feed gives gocron the times in UTC: it takes a time that it sees on the clock
// of a zone twice for the same one, which those of an interval are not.
type feed struct{ *Times }

func (f feed) Next(after time.Time) time.Time { return f.Times.Next(after).UTC() }

// IsValid implements gocron.Cron: NewTimes has judged.
func (feed) IsValid(string, *time.Location, time.Time) error { return nil }

// crontab writes a cron expression as gocron's parser wants it, and says whether
// it has a field of seconds, and whether its hours are fixed ones.
func crontab(s string) (text string, seconds, fixed bool) {
	s = strings.ToLower(s)
	if strings.HasPrefix(s, "@") {
		return s, false, s != "@hourly"
	}
	fields := strings.Fields(s)
	last := len(fields) - 1
	if last < 4 {
		return s, false, false // no cron expression, as the parser will say
	}
	fields[last] = sundays(fields[last])
	return strings.Join(fields, " "), last == 5, !strings.Contains(fields[last-3], "*")
}
