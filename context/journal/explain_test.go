package journal

import (
	"fmt"
	"testing"
	"time"

	"zmicroservices/context/event"
)

// story is what a group records when frames is killed and its on_fail restarts ts002.
func story() []event.Change {
	operator := event.Cause{Origin: event.ByOperator, By: "uid 0 pid 4711", Request: "r"}
	then := func(c event.Cause, parent, root uint64) event.Cause {
		c.Parent, c.Root = parent, root
		return c
	}
	rule := event.Cause{Origin: event.ByTransition, By: "on_fail of frames", Parent: 5, Root: 1, Request: "r"}
	// row is a change of one of the two; both end up as the process 50 + incarnation.
	row := func(seq int, task event.TaskID, inc event.Incarnation, from, to event.State, what string, c event.Cause) event.Change {
		return event.Change{
			Seq: uint64(seq), At: epoch.Add(time.Duration(seq-10) * time.Second), Transaction: tr, Task: task, Incarnation: inc,
			PID: 50 + int(inc), From: from, To: to, Event: what, Cause: c,
		}
	}
	death := row(5, "frames", 1, event.Started, event.Failed, "exited badly",
		event.Cause{Origin: event.ByProcess, By: "frames pid 51", Parent: 1, Root: 1})
	death.Exit, death.Reason = &event.Exit{Signal: "SIGKILL"}, "killed by SIGKILL"
	end := row(7, "ts002", 1, event.Stopping, event.Stopped, "all gone", rule)
	end.Exit = &event.Exit{Signal: "SIGTERM"}
	return []event.Change{
		row(1, "frames", 1, event.Defined, event.Starting, "start asked", operator),
		row(2, "frames", 1, event.Starting, event.Started, "ready", then(operator, 1, 1)),
		row(3, "ts002", 1, event.Defined, event.Starting, "start asked", operator),
		row(4, "ts002", 1, event.Starting, event.Started, "ready", then(operator, 3, 3)),
		death,
		row(6, "ts002", 1, event.Started, event.Stopping, "stop asked", rule),
		end,
		row(8, "ts002", 2, event.Stopped, event.Starting, "start asked", rule),
		row(9, "ts002", 2, event.Starting, event.Starting, "spawned", then(rule, 8, 1)),
		row(10, "ts002", 2, event.Starting, event.Started, "ready", then(rule, 8, 1)),
	}
}

// chain gives links as Why does, from a list with the latest change first.
func chain(changes ...event.Change) []Link {
	links := make([]Link, len(changes))
	for i, c := range changes {
		c.At = epoch
		c.Seq = uint64(len(changes) - i)
		if c.Cause.Parent == 0 && i < len(changes)-1 {
			c.Cause.Parent = c.Seq - 1
		}
		links[i] = Link{Row: int64(c.Seq), Change: c}
	}
	return links
}

func TestTheSentenceForPeople(t *testing.T) {
	s := story()
	by := func(origin event.Origin, by string) event.Cause { return event.Cause{Origin: origin, By: by} }
	to := func(task event.TaskID, from, to event.State, c event.Cause) event.Change {
		return event.Change{Task: task, Incarnation: 1, From: from, To: to, Cause: c}
	}
	with := func(c event.Change, change func(*event.Change)) event.Change {
		change(&c)
		return c
	}
	second := func(c *event.Change) { c.Incarnation = 2 }
	code := func(n int) func(*event.Change) {
		return func(c *event.Change) { c.Exit = &event.Exit{Code: n} }
	}
	because := func(reason string) func(*event.Change) {
		return func(c *event.Change) { c.Reason = reason }
	}
	start := to("ts001", event.Defined, event.Starting, by(event.ByOperator, "uid 0 pid 1"))
	process := by(event.ByProcess, "ts001 pid 7")
	for _, c := range []struct {
		links []Link
		want  string
	}{
		{nil, "nothing is known"},
		{
			chain(s[9], s[7], s[4], s[0]),
			"restarted 14:02:11 because rule on_fail of frames called it; frames failed because it was killed by SIGKILL",
		},
		{chain(s[7], s[4], s[0]), "restarting since 14:02:11 because rule on_fail of frames called it; frames failed because it was killed by SIGKILL"},
		{chain(s[4], s[0]), "failed 14:02:11 because it was killed by SIGKILL"},
		{chain(start), "starting since 14:02:11 because an operator asked for it (uid 0 pid 1)"},
		{chain(to("ts001", event.Starting, event.Started, by(event.ByOperator, "uid 0 pid 1")), start), "started 14:02:11 because an operator asked for it (uid 0 pid 1)"},
		{chain(to("ts001", event.Defined, event.Created, by(event.ByOperator, ""))), "created 14:02:11 because an operator asked for it"},
		{chain(to("ts001", event.Started, event.Stopping, by(event.ByShutdown, "signal"))), "stopping since 14:02:11 because the provider was ending (signal)"},
		{
			chain(with(to("ts001", event.Stopping, event.Stopped, by(event.ByOperator, "uid 0 pid 1")), code(143))),
			"stopped 14:02:11 because an operator asked for it (uid 0 pid 1)",
		},
		{chain(with(to("ts001", event.Stopping, event.Stopped, process), code(0)), start), "stopped 14:02:11 because it exited with code 0"},
		{chain(to("ts001", event.Stopping, event.Stopped, process), start), "stopped 14:02:11 because it ended by itself"},
		{chain(with(to("ts001", event.Started, event.Failed, process), because("it said failed")), start), "failed 14:02:11 because it said failed"},
		{chain(with(to("ts001", event.Started, event.Failed, process), because("no frames from camera 3")), start), "failed 14:02:11 because it said: no frames from camera 3"},
		{
			chain(with(with(to("ts001", event.Starting, event.Failed, process), code(3)), because("exited with code 3 before it said started")), start),
			"failed 14:02:11 because it exited with code 3 before it said started",
		},
		{chain(with(to("ts001", event.Stopping, event.Stopped, process), because("processes [12] could not be ended"))), "stopped 14:02:11 because processes [12] could not be ended"},
		{
			chain(with(to("ts001", event.Started, event.Failed, process), func(c *event.Change) { c.Exit = &event.Exit{Signal: "SIGSEGV", Core: true} })),
			"failed 14:02:11 because it was killed by SIGSEGV, core dumped",
		},
		{
			chain(with(to("ts001", event.Starting, event.Failed, by(event.ByDeadline, "start overdue")), because("it did not say started within 30s"))),
			"failed 14:02:11 because it did not say started within 30s",
		},
		{chain(to("ts001", event.Started, event.Stopping, by(event.ByDeadline, "linger due"))), "stopping since 14:02:11 because a time was over: linger due"},
		{
			chain(with(to("ts001", event.Starting, event.Failed, by(event.ByProvider, "spawn")), because("spawn /opt/x: permission denied"))),
			"failed 14:02:11 because its process could not be made: spawn /opt/x: permission denied",
		},
		{chain(to("ts001", event.Starting, event.Failed, by(event.ByProvider, "spawn"))), "failed 14:02:11 because its process could not be made"},
		{ // the example of a probe
			chain(
				with(to("ts002", event.Starting, event.Started, by(event.ByTransition, "on_fail of frames")), second),
				with(with(to("frames", event.Started, event.Failed, by("probe", "liveness")), because("timed out 3 times")), code(137)),
				start,
			),
			"restarted 14:02:11 because rule on_fail of frames called it; frames failed because its liveness probe timed out 3 times; last exit 137",
		},
		{chain(to("ts001", event.Started, event.Failed, by("probe", ""))), "failed 14:02:11 because its probe failed"},
		{
			chain(
				with(to("ts001", event.Starting, event.Started, by(event.ByPolicy, "restart on-failure of ts001, 1 of 5 within 10s")), second),
				with(to("ts001", event.Failed, event.Starting, by(event.ByPolicy, "restart on-failure of ts001, 1 of 5 within 10s")), second),
				with(to("ts001", event.Started, event.Failed, process), code(3)),
				start,
			),
			"restarted 14:02:11 because its restart policy called for it (on-failure, 1 of 5 within 10s); ts001 failed because it exited with code 3",
		},
		{chain(to("ts001", event.Starting, event.Started, by("dependency", "ts002"))), "started 14:02:11 because ts002 depends on it"},
		{
			chain(with(to("ts002", event.Defined, event.Failed, by("dependency", "ts001")), because("it depends on ts001, which failed: exited with code 3"))),
			"failed 14:02:11 because it depends on ts001, which failed: exited with code 3",
		},
		{
			chain(with(to("frames", event.Started, event.Failed, by("probe", "liveness")), because("its liveness probe timed out 3 times"))),
			"failed 14:02:11 because its liveness probe timed out 3 times",
		},
		{chain(to("ts001", event.Starting, event.Started, by("schedule", "*/5 * * * *"))), "started 14:02:11 because it was due by its schedule (*/5 * * * *)"},
		{chain(to("ts001", event.Started, event.Stopping, by("limit", "rss 412 MB > 400 MB for 30s"))), "stopping since 14:02:11 because rss 412 MB > 400 MB for 30s"},
		{chain(to("ts001", event.Started, event.Stopping, by("sunspots", "many"))), "stopping since 14:02:11 because of sunspots many"},
		{chain(to("ts001", event.Started, event.Stopping, event.Cause{})), "stopping since 14:02:11 because of a cause that was not recorded"},
		{ // three services, each because of the one before
			chain(
				to("c", event.Started, event.Stopped, by(event.ByTransition, "on_exit of b")),
				to("b", event.Stopping, event.Stopped, by(event.ByTransition, "on_fail of a")),
				with(to("a", event.Started, event.Failed, process), code(1)),
			),
			"stopped 14:02:11 because rule on_exit of b called it; b stopped because rule on_fail of a called it; a failed because it exited with code 1",
		},
		{ // a service that has recovered is the same incarnation
			chain(with(to("ts001", event.Failed, event.Started, process), second)),
			"started 14:02:11 because it said so",
		},
		{ // the rows before are too old to be kept
			chain(with(s[7], func(c *event.Change) { c.Cause.Parent = 5 })),
			"restarting since 14:02:11 because rule on_fail of frames called it; what led to that is no longer kept",
		},
		{chain(event.Change{Event: "refused", Cause: by(event.ByTransition, "x")}, event.Change{Cause: by(event.ByOperator, "y")}), "defined 14:02:11 because rule x called it; the context was defined because an operator asked for it (y)"},
	} {
		if got := Explain(c.links); got != c.want {
			t.Errorf("\n got %s\nwant %s", got, c.want)
		}
	}
}

func TestASentenceHasAnEnd(t *testing.T) {
	var changes []event.Change
	for i := range 20 {
		changes = append(changes, event.Change{
			Task: event.TaskID(fmt.Sprint("ts", i)), To: event.Started,
			Cause: event.Cause{Origin: event.ByTransition, By: fmt.Sprintf("on_start of ts%d", i+1)},
		})
	}
	want := "started 14:02:11 because rule on_start of ts1 called it; ts1 started because rule on_start of ts2 called it; " +
		"ts2 started because rule on_start of ts3 called it; ts3 started because rule on_start of ts4 called it; " +
		"ts4 started because rule on_start of ts5 called it; and so on"
	if got := Explain(chain(changes...)); got != want {
		t.Error(got)
	}
}

func TestTheDayIsSaidWhenItWasAnother(t *testing.T) {
	links := chain(story()[0])
	const why = " because an operator asked for it (uid 0 pid 4711)"
	for now, want := range map[time.Time]string{
		epoch.Add(time.Hour):      "starting since 14:02:11" + why,
		epoch.Add(24 * time.Hour): "starting since 2026-11-20 14:02:11" + why,
	} {
		if got := ExplainAt(links, now); got != want {
			t.Error(got)
		}
	}
	if got := ExplainAt(nil, epoch); got != "nothing is known" {
		t.Error(got)
	}
}

func ExampleExplain() {
	s := story()
	fmt.Println(Explain([]Link{{Row: 10, Change: s[9]}, {Row: 8, Change: s[7]}, {Row: 5, Change: s[4]}, {Row: 1, Change: s[0]}}))
	// Output: restarted 14:02:11 because rule on_fail of frames called it; frames failed because it was killed by SIGKILL
}
