package schedule

import (
	"errors"
	"log/slog"
	"sync"
	"time"

	"zmicroservices/conf"
	"zmicroservices/context/event"
)

// Options are what a Clock works with. Logger and Tell are required.
type Options struct {
	Logger *slog.Logger
	// Tell takes an event to its transaction. It must not block.
	Tell func(event.TransactionID, event.Event)
	// Wall is the wall clock; nil: time.Now.
	Wall func() time.Time
}

// Clock tells when the times of schedules come. Arm and Disarm may be called at
// any time, from many goroutines, and never wait; Run does the rest.
type Clock struct {
	opts Options
	wake chan struct{} // capacity 1: there is something in unset; sent by Arm and Disarm, never closed

	mu    sync.Mutex // guards all below
	jobs  map[key]*job
	unset []key // armed or disarmed since Run looked
}

// key says whose schedule it is.
type key struct {
	transaction event.TransactionID
	task        event.TaskID
}

// job is a schedule that is armed.
type job struct {
	key
	times *Times

	// guarded by Clock.mu
	told time.Time // up to here every time was told
	over bool      // disarmed, or armed anew as another job
}

// New makes a Clock; Run makes it live.
func New(o Options) (*Clock, error) {
	if o.Logger == nil || o.Tell == nil {
		return nil, errors.New("schedule: Logger and Tell are required")
	}
	if o.Wall == nil {
		o.Wall = time.Now
	}
	return &Clock{opts: o, wake: make(chan struct{}, 1), jobs: map[key]*job{}}, nil
}

// Arm tells the times of a task service's schedule that are after the one given,
// in place of what was armed for it before. Those that have passed already are
// told as missed. An interval counts from since.
func (c *Clock) Arm(id event.TransactionID, task event.TaskID, s *conf.Schedule, since, after time.Time) error {
	// Without the monotonic reading: these are times of the wall clock.
	times, err := NewTimes(s, since.Round(0))
	if err != nil {
		return err
	}
	c.change(key{id, task}, &job{key: key{id, task}, times: times, told: after.Round(0)})
	return nil
}

// Disarm tells no more times of a task service's schedule.
func (c *Clock) Disarm(id event.TransactionID, task event.TaskID) { c.change(key{id, task}, nil) }

func (c *Clock) change(k key, j *job) {
	c.mu.Lock()
	if old := c.jobs[k]; old != nil {
		old.over = true
	}
	if j != nil {
		c.jobs[k] = j
	} else {
		delete(c.jobs, k)
	}
	c.unset = append(c.unset, k)
	c.mu.Unlock()
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// lateness is how late a time may be seen and still count as having come.
const lateness = time.Minute

// look tells what has come of a job's times since it was looked at last. It is
// called by gocron when one is due, and by Run when a job is set.
func (c *Clock) look(j *job, begins bool) {
	now := c.wall()
	c.mu.Lock()
	if j.over {
		c.mu.Unlock()
		return
	}
	at, n := j.times.Since(j.told, now)
	if n > 0 || begins {
		j.told = now
	}
	c.mu.Unlock()
	if n == 0 && !begins {
		return // the clock was set back since the timer was set
	}
	due := event.Due{Task: j.task, Next: j.times.Next(now), Missed: n}
	if n > 0 && now.Sub(at) <= lateness && !begins {
		due.At, due.Missed = at, n-1
	}
	c.opts.Tell(j.transaction, due)
}

func (c *Clock) wall() time.Time { return c.opts.Wall().Round(0) }
