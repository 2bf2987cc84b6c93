package probe

import (
	"context"
	"errors"
	"fmt"
	"time"

	"zmicroservices/conf"
	"zmicroservices/context/event"
)

// eager is the first pause of a probe that has not succeeded yet.
const eager = 25 * time.Millisecond

// trial is one probe of one process, as long as its verdict is wanted. Prober.mu
// guards it.
type trial struct {
	of    *process
	n     int
	probe conf.Probe
	check Check // nil: it is told
	ok    bool
	over  bool

	fails   []failure     // in a row
	pause   time.Duration // before the next check, while it has not succeeded
	end     time.Time     // startup: when its time is over
	matched bool          // liveness, told: since it was due last
	last    error

	at    time.Time // when it is due
	index int       // in the heap; -1 outside
}

// failure is one check that failed.
type failure struct {
	err  error
	late bool // its timeout was over
}

func newTrial(of *process, n int, ok bool, now time.Time, command func(event.Ref, conf.Probe) Check) *trial {
	t := &trial{of: of, n: n, probe: of.watch.Probes[n], ok: ok, pause: eager, at: now, index: -1}
	t.end = now.Add(time.Duration(t.probe.Failures) * t.probe.Every)
	switch pr := &t.probe; {
	case pr.HTTP != "":
		t.check = func(ctx context.Context) error { return get(ctx, pr.HTTP) }
	case pr.TCP != "":
		t.check = func(ctx context.Context) error { return dial(ctx, pr.TCP) }
	case len(pr.Exec) > 0 && command != nil:
		t.check = command(of.watch.Ref, *pr)
	case pr.Kind == "startup":
		t.at = t.end // it is told, or its time is over
	case pr.Kind == "readiness", pr.Notify:
		t.at = never
	}
	if t.probe.Kind == "liveness" && t.at == now || t.ok && t.check != nil {
		t.at = now.Add(t.probe.Every)
	}
	return t
}

// never is when nothing is due.
var never = time.Unix(1<<40, 0)

// told says that others tell whether it is well.
func (t *trial) told() bool { return t.check == nil }

// next is when to ask again.
func (t *trial) next(now time.Time) time.Time {
	if t.ok || t.probe.Kind == "liveness" {
		return now.Add(t.probe.Every)
	}
	pause := min(t.pause, t.probe.Every)
	t.pause *= 2
	return now.Add(pause)
}

// succeeded takes a success.
func (p *Prober) succeeded(t *trial) {
	t.fails, t.matched = nil, true
	if t.ok {
		return
	}
	t.ok = true
	if t.probe.Kind == "startup" {
		p.finish(t)
	}
	p.report(t, "")
}

// failed takes a failure.
func (p *Prober) failed(t *trial, f failure) {
	t.last = f.err
	switch {
	case t.probe.Kind == "startup":
		if !time.Now().Before(t.end) {
			p.expire(t)
		}
		return
	case !t.ok:
		return // not ready yet: no news
	}
	if t.fails = append(t.fails, f); len(t.fails) < t.probe.Failures {
		return
	}
	why := judge(t.fails)
	t.ok, t.fails, t.pause = false, nil, t.probe.Every
	if t.probe.Kind == "liveness" {
		p.finish(t)
	}
	p.report(t, why)
}

// silent comes when one that is told is due: there was a match since, or not.
func (p *Prober) silent(t *trial, now time.Time) {
	if t.probe.Kind == "startup" {
		p.expire(t)
		return
	}
	if !t.matched {
		p.failed(t, failure{errors.New("nothing matched"), true})
	}
	t.matched = false
	if !t.over {
		t.at = now.Add(t.probe.Every)
		p.due.add(t)
	}
}

// expire ends a startup whose time is over.
func (p *Prober) expire(t *trial) {
	p.finish(t)
	why := fmt.Sprintf("did not succeed within %v", time.Duration(t.probe.Failures)*t.probe.Every)
	if t.last != nil {
		why += ": " + t.last.Error()
	}
	p.report(t, why)
}

// finish ends a trial that has its last verdict.
func (p *Prober) finish(t *trial) {
	t.over = true
	p.due.remove(t)
}

func (p *Prober) report(t *trial, why string) {
	p.opts.Report(event.Probed{Ref: t.of.watch.Ref, Probe: t.n, OK: why == "", Reason: why})
}

// judge says failures in a row in words, about the probe.
func judge(fails []failure) string {
	late := true
	for _, f := range fails {
		late = late && f.late
	}
	times := fmt.Sprintf("%d times", len(fails))
	if len(fails) == 1 {
		times = "once"
	}
	if late {
		return "timed out " + times
	}
	return fmt.Sprintf("failed %s: %v", times, fails[len(fails)-1].err)
}
