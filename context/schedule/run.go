package schedule

import (
	"context"
	"fmt"
	"time"

	"github.com/go-co-op/gocron/v2"
	"github.com/google/uuid"
	"github.com/jonboulle/clockwork"
)

const (
	// checkEvery is how often the wall clock is compared with the monotonic one
	// while anything is armed, and apart is how far they may part.
	checkEvery = 10 * time.Second
	apart      = 2 * time.Second
)

// alarms are the timers of a Clock. Only Run has them.
type alarms struct {
	clock  *Clock
	cron   gocron.Scheduler // nil until something is armed: it has goroutines of its own
	timers map[key]uuid.UUID
}

// Run tells times until ctx ends. The error is of a scheduler that could not be
// made or ended.
func (c *Clock) Run(ctx context.Context) error {
	a := alarms{clock: c, timers: map[key]uuid.UUID{}}
	began := time.Now()
	ahead := time.Duration(0) // of the wall clock before the monotonic one
	check := time.NewTicker(checkEvery)
	check.Stop() // until there is an alarm
	defer check.Stop()
	for {
		select {
		case <-ctx.Done():
			return a.end()
		case <-c.wake:
			if err := a.set(c.take()); err != nil {
				return err
			}
			check.Stop()
			if len(a.timers) > 0 {
				check.Reset(checkEvery)
			}
		case <-check.C:
			elapsed := time.Since(began)
			now := c.wall().Sub(began.Round(0)) - elapsed
			if d := now - ahead; d.Abs() > apart {
				c.opts.Logger.Warn("wall clock was set, or the machine slept: schedules are set anew", "by", d)
				if err := a.set(c.all()); err != nil {
					return err
				}
			}
			ahead = now
		}
	}
}

// take gives the keys that were armed or disarmed since the last time.
func (c *Clock) take() []key {
	c.mu.Lock()
	defer c.mu.Unlock()
	keys := c.unset
	c.unset = nil
	return keys
}

func (c *Clock) all() []key {
	c.mu.Lock()
	defer c.mu.Unlock()
	keys := make([]key, 0, len(c.jobs))
	for k := range c.jobs {
		keys = append(keys, k)
	}
	return keys
}

// set sets the timers of these keys anew, and tells what they missed.
func (a *alarms) set(keys []key) error {
	for _, k := range keys {
		if id, there := a.timers[k]; there {
			delete(a.timers, k)
			if err := a.cron.RemoveJob(id); err != nil {
				return fmt.Errorf("disarm schedule of %s: %w", k.task, err)
			}
		}
		a.clock.mu.Lock()
		j := a.clock.jobs[k]
		a.clock.mu.Unlock()
		if j == nil {
			continue
		}
		a.clock.look(j, true)
		if j.times.Next(a.clock.wall()).IsZero() {
			continue // it never comes, and gocron would look for it for ever
		}
		if err := a.arm(j); err != nil {
			return fmt.Errorf("arm schedule of %s: %w", k.task, err)
		}
		a.clock.look(j, false) // a time that passed while the timer was set
	}
	return nil
}

func (a *alarms) arm(j *job) error {
	if a.cron == nil {
		cron, err := gocron.NewScheduler(gocron.WithClock(wall{clockwork.NewRealClock(), a.clock}), gocron.WithLocation(time.UTC))
		if err != nil {
			return err
		}
		cron.Start()
		a.cron = cron
	}
	timer, err := a.cron.NewJob(
		gocron.CronJob("", false), // the times come from the feed
		gocron.NewTask(func() { a.clock.look(j, false) }),
		gocron.WithCronImplementation(feed{j.times}),
	)
	if err != nil {
		return err
	}
	a.timers[j.key] = timer.ID()
	return nil
}

func (a *alarms) end() error {
	if a.cron == nil {
		return nil
	}
	if err := a.cron.Shutdown(); err != nil {
		return fmt.Errorf("end scheduler: %w", err)
	}
	return nil
}

// wall lets gocron's timers be set by the Clock's wall clock.
type wall struct {
	clockwork.Clock
	c *Clock
}

func (w wall) Now() time.Time { return w.c.wall() }
