// Package schedule is the source of the events that the wall clock makes: it
// tells when the times of a <schedule> come (event.Due), when the next one is,
// and how many were missed. gocron keeps the timers.
//
//	c, err := schedule.New(schedule.Options{Logger: log, Tell: func(id event.TransactionID, e event.Event) { … }})
//	go c.Run(ctx)
//	c.Arm("5HGA…", "ts003", &conf.Schedule{Cron: "*/5 * * * *"}, now, now)
//
// It decides nothing. Whether a time that has come starts a process, is skipped,
// waits or ends the run before it is the group's to say.
//
// Times are those of crontab(5), in the zone of the schedule (IANA; else the
// machine's). On the days when a zone changes its clock: a time that the clock
// leaps over does not come that day; one that the clock shows twice comes once,
// the first time, if its hour is a fixed one ("30 2 * * *"), and a time of every
// hour ("*/5 * * * *") comes as often as real time does. An interval counts from
// the moment it was armed, in real time, whatever any zone does.
//
// A time that nobody could see, because the provider was away, the machine slept
// or its clock was set forward, is counted and told as missed. It is not made up:
// a backup of Sunday night is seldom wanted at the resume on Monday morning. A
// clock that is set back shows times again, and they come again.
//
// Why not gocron's own timers alone: they count monotonic time, which stands
// still while the machine sleeps, so that after a night of sleep they would come
// hours late. Run compares both clocks and sets the timers anew when they part.
//
// Why not gocron's singleton and limit modes for the overlap: what a run is, the
// restarts of its policy and an operator's hand included, only the group knows,
// and what it decides has to be in the journal.
package schedule
