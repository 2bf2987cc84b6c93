package probe

import (
	"context"
	"errors"
	"sync"
	"time"

	"zmicroservices/conf"
	"zmicroservices/context/event"
)

// Check asks once: nil is a success. It returns when ctx ends at the latest.
type Check func(ctx context.Context) error

// Options say how a Prober works with others. Report is required.
type Options struct {
	// Report takes a change of a verdict. It must not block.
	Report func(event.Probed)
	// Answered takes what each check came to; nil: nobody asks. It is called by the check's
	// own goroutine, without a lock of the Prober's, and must not block.
	Answered func(Answer)
	// Command makes the check of an exec probe; nil: there are none.
	Command func(r event.Ref, p conf.Probe) Check
}

// Answer is what one check came to: of exec, http and tcp, as others are told and take no
// time. One that was cut off because its process ended, or is not watched any more, has
// none; one whose timeout was over has, with that time.
type Answer struct {
	Ref   event.Ref
	Probe int // its place in Watch.Probes
	Took  time.Duration
	OK    bool
}

// Watch is what is to be looked at of a process.
type Watch struct {
	Ref      event.Ref
	Probes   []conf.Probe // all of its file
	Verdicts []Verdict    // those that are wanted, as they stand
}

// Verdict is how a probe stands: its place in Watch.Probes.
type Verdict struct {
	Probe int
	OK    bool
}

// Prober looks after processes. Its methods may be called from any goroutine and
// never block.
type Prober struct {
	opts Options
	wake chan struct{} // capacity 1, a level: what is due has changed; sent by all, never closed

	mu      sync.Mutex // guards all below, and all in them
	watched map[event.Ref]*process
	due     heap
	checks  sync.WaitGroup
	ended   bool
}

// process is one that is watched.
type process struct {
	watch   Watch
	matched map[int]bool // probes that are told, whose word came before they were wanted
	trials  []*trial     // those that are wanted
	end     context.CancelFunc
	ctx     context.Context // of its checks
}

// New makes a Prober; Run makes it live.
func New(o Options) (*Prober, error) {
	if o.Report == nil {
		return nil, errors.New("probe: Report is required")
	}
	return &Prober{opts: o, wake: make(chan struct{}, 1), watched: map[event.Ref]*process{}}, nil
}

// Watch looks at a process from now on, in place of what was wanted of it before.
func (p *Prober) Watch(w Watch) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended {
		return
	}
	before := p.watched[w.Ref]
	now := &process{watch: w, matched: map[int]bool{}}
	if before != nil {
		p.drop(before)
		now.matched = before.matched
	}
	now.ctx, now.end = context.WithCancel(context.Background()) // ended by drop
	p.watched[w.Ref] = now
	for _, v := range w.Verdicts {
		t := newTrial(now, v.Probe, v.OK, time.Now(), p.opts.Command)
		now.trials = append(now.trials, t)
		if now.matched[v.Probe] && t.told() {
			p.succeeded(t)
		}
		p.due.add(t)
	}
	p.stir()
}

// Unwatch ends what Watch began.
func (p *Prober) Unwatch(r event.Ref) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if w := p.watched[r]; w != nil {
		delete(p.watched, r)
		p.drop(w)
	}
}

// Match says that what a probe waits for (a line, a message) was there. It may come
// before its verdict is wanted.
func (p *Prober) Match(r event.Ref, n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	w := p.watched[r]
	if w == nil {
		return
	}
	w.matched[n] = true
	for _, t := range w.trials {
		if t.n == n && !t.over {
			p.succeeded(t)
		}
	}
}

// Extend gives startup as much time from now on, if that is more than it has: the
// service asked for it.
func (p *Prober) Extend(r event.Ref, by time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	w := p.watched[r]
	if w == nil {
		return
	}
	for _, t := range w.trials {
		if end := time.Now().Add(by); t.probe.Kind == "startup" && end.After(t.end) {
			t.end = end
			if t.told() {
				t.at = end
				p.due.move(t)
			}
		}
	}
}

// drop ends the trials of a process. p.mu is held.
func (p *Prober) drop(w *process) {
	w.end()
	for _, t := range w.trials {
		t.over = true
		p.due.remove(t)
	}
	w.trials = nil
}

func (p *Prober) stir() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// Run begins checks when they are due, until ctx ends; then it waits for those that
// are under way, which end with it.
func (p *Prober) Run(ctx context.Context) error {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for ctx.Err() == nil {
		timer.Reset(p.round(time.Now()))
		select {
		case <-timer.C:
		case <-p.wake:
		case <-ctx.Done():
		}
	}
	p.mu.Lock()
	p.ended = true
	for r, w := range p.watched {
		delete(p.watched, r)
		p.drop(w)
	}
	p.mu.Unlock()
	p.checks.Wait()
	return nil
}

// round does what is due, and gives the time until the next.
func (p *Prober) round(now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.due) > 0 && !p.due[0].at.After(now) {
		t := p.due.pop()
		if t.told() {
			p.silent(t, now)
			continue
		}
		p.checks.Go(func() { p.ask(t) }) // ends with the check, which ends with its timeout or its process
	}
	if len(p.due) == 0 {
		return time.Hour
	}
	return max(0, time.Until(p.due[0].at))
}

// ask runs one check.
func (p *Prober) ask(t *trial) {
	ctx, cancel := context.WithTimeout(t.of.ctx, t.probe.Timeout)
	began := time.Now()
	err := t.check(ctx)
	took, late := time.Since(began), ctx.Err() == context.DeadlineExceeded
	cancel()
	if p.opts.Answered != nil && t.of.ctx.Err() == nil {
		p.opts.Answered(Answer{Ref: t.of.watch.Ref, Probe: t.n, Took: took, OK: err == nil})
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case t.over:
		return
	case err == nil:
		p.succeeded(t)
	default:
		p.failed(t, failure{err, late})
	}
	if !t.over {
		t.at = t.next(time.Now())
		p.due.add(t)
		p.stir()
	}
}
