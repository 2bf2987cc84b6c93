// Package gap notices who has fallen silent. The watchdog and the tally share it, so
// that both mean the same by a silence, and one of them alone speaks of it.
//
// A Detector keeps a deadline for every key, however many thresholds of silence the key
// has; it is a value that is told the time, with no goroutine and no timer of its own:
//
//	d := gap.New[string](time.Now())
//	d.Watch("pump", time.Now(), gap.Thresholds{150 * time.Second, 10 * time.Minute})
//	d.Seen("pump", time.Now())
//	timer.Reset(time.Until(next)) // next, _ := d.Next()
//	…
//	for passed, ok := d.Due(time.Now()); ok; passed, ok = d.Due(time.Now()) {
//		// passed.Key has been silent for its threshold passed.Index since passed.Seen
//	}
//
// Seen costs a look-up in a map and no allocation: what is in the heap is a lower bound
// of the deadline, and is put right when it comes up. Of 100,000 keys that are seen once
// a minute, each is moved once in its shortest threshold, and not at every sign of life:
// 0.4 µs a sign of life on a machine of 2.5 GHz, all told (BenchmarkRound).
//
// # The clock
//
// Silence is measured by the monotonic clock, as time.Time has it: setting the wall clock
// changes nothing, and on Linux CLOCK_MONOTONIC stands still while the machine is
// suspended (clock_gettime(2)), so nobody is declared dead for the time it slept.
//
// What that clock does count is the time in which the observer itself was not there:
// stopped, starved, its virtual machine paused, its bus gone. Messages of that time wait
// unread, or were never heard, when the deadlines are looked at. Clock tells how long
// that was, and Rebase takes it out of every silence:
//
//	if away := clock.Beat(); away.Unheard > 0 {
//		d.Rebase(away.Now, away.Unheard)
//	}
//
// After a restart of the observer Resume puts a key back as it was, with its silence
// counted from now on: while nobody listened, nobody was silent.
//
// # A missed alive
//
// Alives is the Detector of life cycle events: a node, that is a component and an
// identity, that was not heard of for Horizon (80 minutes, as Choria has it: an alive is
// said every hour, with a splay) has missed its alive. Everybody who watches sees that
// after the same time, and one says it:
//
//	control @@@ {"header":{"action":"updated",…},"content":{"status":{"device_action":"alive_missed","component":"server","identity":"c1.example.net","last_seen":"2026-11-21T11:00:00.000000000Z",…}}}
//
// The watchdog does so at Horizon (RankWatchdog). A tally (RankTally) waits from five to
// ten seconds longer (two to four with a Horizon of seconds), and says it unless it has
// heard it: from the watchdog, or from another tally. The node is said to be missed once,
// until it is heard of again.
//
// Each of them listens to the notices of the others, and tells them to Heard. That is all
// they agree on: when the watchdog is away, the tally's notice is a few seconds late;
// when the tally is away, nothing changes.
//
// # Why not one timer for each key
//
// 100,000 timers are 100,000 callbacks into the runtime at once when a bus breaks, each
// with a lock to take, and a Rebase would stop and start all of them.
//
// # Why not in each of them
//
// Two clocks that are put right differently after a suspended machine would tell two
// stories of one silence; and services import nothing of the context, where probes have
// deadlines of their own: those ask a process that is ours, and end with it.
//
// # Why not a service that the others ask
//
// It would be one more that can be away, and the observers have heard the same messages
// already.
package gap
