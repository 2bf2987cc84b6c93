package group

import (
	"fmt"
	"math"
	"slices"
	"time"

	"zmicroservices/conf"
	"zmicroservices/context/event"
)

// restarts is what a task service's restart policy remembers. Restarts by an
// operator or a transition do not count.
type restarts struct {
	recent []time.Time // within the policy's window, oldest first
	row    int         // early deaths in a row
	due    time.Time   // of the restart that is waited for; zero: none
	cause  event.Cause // of that restart
}

// applies says whether k's policy wants another incarnation after the end of
// this one.
func applies(k *task) bool {
	// What is being ended because it has failed is ended by nobody's will.
	if k.off() || k.seen.ending && k.seen.state != event.Failed || k.seen.end != endItself {
		return false
	}
	switch k.spec.Process.Restart.Policy {
	case "always":
		return true
	case "on-failure":
		return k.seen.state == event.Failed
	default:
		return false
	}
}

// succeeded says whether an exit is one that the policy counts as success.
func succeeded(k *task, e event.Exit) bool {
	return e.Clean() || e.Signal == "" && slices.Contains(k.spec.Process.Restart.Success, e.Code)
}

// again decides what follows k's end when its policy applies: a restart, at once
// if it had lived for a while, else after a backoff; or, when there were too many
// within the window, a long rest. Giving up is never for ever. It says false when
// the policy wants nothing.
func (t *Transaction) again(k *task, seq uint64) bool {
	if t.done || !applies(k) {
		return false
	}
	p, r := k.spec.Process.Restart, &k.restarts
	r.recent = slices.DeleteFunc(r.recent, func(at time.Time) bool { return t.now.Sub(at) >= p.Window })
	if t.now.Sub(k.seen.began) >= p.Window {
		r.row = 0
	}
	by := fmt.Sprintf("restart %s of %s, %d of %d within %v", p.Policy, k.id, len(r.recent)+1, p.Intensity, p.Window)
	delay := t.backoff(p, r.row)
	if len(r.recent) >= p.Intensity {
		by = fmt.Sprintf("restart %s of %s, resumed after %v", p.Policy, k.id, p.ResumeAfter)
		delay, r.row, r.recent = p.ResumeAfter, 0, nil
		k.seen.reason = fmt.Sprintf("%s; %d restarts within %v did not help, the next in %v",
			orElse(k.seen.reason, "it ended"), p.Intensity, p.Window, p.ResumeAfter)
		c := event.Cause{Origin: event.ByPolicy, By: fmt.Sprintf("restart %s of %s", p.Policy, k.id), Parent: seq, Root: k.seen.root}
		seq = t.record(k, k.seen.state, "gave up", c, k.seen.reason)
	} else {
		r.row++
	}
	r.cause = event.Cause{Origin: event.ByPolicy, By: by, Parent: seq, Root: k.seen.root}
	r.due = t.now.Add(delay)
	k.want.above, k.want.run, k.want.cause = k.seen.inc, true, r.cause
	if delay > 0 {
		t.wake(k, delay, event.RestartDue)
	}
	t.touch(k)
	return true
}

// backoff is the pause before the restart that follows n early deaths in a row:
// none for the first, then growing by Factor up to MaxBackoff, with jitter.
func (t *Transaction) backoff(p conf.Restart, n int) time.Duration {
	if n == 0 {
		return 0
	}
	d := float64(p.Backoff) * math.Pow(p.Factor, float64(n-1))
	d = min(d, float64(p.MaxBackoff))
	d *= 1 + p.Jitter*(2*t.random.Float64()-1)
	return time.Duration(d)
}

// resting says that k waits for its policy's restart.
func (t *Transaction) resting(k *task) bool { return k.restarts.due.After(t.now) }

// joins says that an on_fail which restarts its own service has nothing to do:
// the policy does it, and there is one process.
func (t *Transaction) joins(k *task) bool {
	return k.want.up && k.want.above < k.seen.inc && applies(k) || t.resting(k)
}

// started counts a start by policy.
func (r *restarts) started(now time.Time, c event.Cause) {
	r.due = time.Time{}
	if c.Origin == event.ByPolicy {
		r.recent = append(r.recent, now)
	}
}

// forget begins anew: somebody else has decided.
func (r *restarts) forget() { *r = restarts{} }

// restartDue ends the rest.
func (t *Transaction) restartDue(k *task, inc event.Incarnation) {
	if inc == k.seen.inc && !k.seen.present && k.want.up && !t.resting(k) {
		t.reconcile(k)
	}
}
