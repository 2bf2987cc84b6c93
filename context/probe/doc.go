// Package probe is the source of events that tells how running task services are:
// event.Probed, for each <probe> of the file, whenever its verdict changes, and
// event.Unmet for an <expect>.
//
//	p, err := probe.New(probe.Options{Report: func(e event.Probed) { … }, Check: check})
//	go p.Run(ctx)
//	p.Watch(probe.Watch{Ref: ref, Probes: task.Process.Probes, Verdicts: []probe.Verdict{{Probe: 0}}})
//
// Some probes ask (http and tcp here, exec by a Check of the caller's): a check
// every so often, each with a timeout. Some are told: Match says that a line of the log
// or a message on the bus was the one. Notices (sd_notify) never come here, but for
// the time that a startup may take.
//
// What a verdict is:
//
//   - startup: OK with the first success; not OK when `failures` × `every` have
//     passed without one. It is over then.
//   - readiness: OK with a success, not OK after `failures` in a row.
//   - liveness: not OK after `failures` in a row. It begins one `every` after it
//     was asked for. Of one that is told each `every` without a match is a failure.
//
// Until startup and readiness have succeeded they are asked more often than the file
// says, from 25 ms on and then slower: who waits for a service should not wait for our
// clock. These extra checks are no failures.
//
// How long each check took is told to Answered, if somebody asks, and is no part of any
// verdict.
//
// A Judge holds services to what their files expect of them on the bus (<expect>): so
// many messages of a topic a second at least and at most, none older than so much. It
// reports event.Unmet, once, when that was not so for a whole `within`, and never before
// the service was ready for as long. A service answers for connections of its own where
// the caller knows them, else for those that are nobody's. After a pause of the whole
// process everything is measured anew: a machine that slept is no silence.
//
//	j, err := probe.NewJudge(probe.JudgeOptions{Report: func(e event.Unmet) { … }, Sent: sent})
//	go j.Run(ctx)
//	j.Expect(ref, task.Expects, 0)
//
// It decides nothing and keeps nothing: whose verdict ends what is the group's to
// say, and after a restart of the provider all counts begin anew.
//
// Why not a goroutine or a timer for each probe: two thousand of them would cost that
// while nothing happens. One goroutine owns one timer and a heap of due times; a check has
// a goroutine while it runs, and none of a probe overlap.
//
// Why the judge samples counters and is not told of each message: a camera's thousand
// frames a second would be a thousand events to learn one number.
package probe
