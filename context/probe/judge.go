package probe

import (
	"context"
	"errors"
	"sync"
	"time"

	"zmicroservices/conf"
	"zmicroservices/context/event"
)

// Sent is what one connection has published of a topic since it was made.
type Sent struct {
	Conn     uint64    // identifies the connection for ever
	Owner    event.Ref // whose connection it is; zero: nobody knows
	Messages uint64
	Last     time.Time // when the latest came
}

// JudgeOptions say how a Judge works with others. Both are required.
type JudgeOptions struct {
	// Report takes what is not met, once for each. It must not block.
	Report func(event.Unmet)
	// Sent gives, by topic, every connection that has published on one of these, those
	// that were closed since the last call included. It is called by Run alone.
	Sent func(topics map[string]bool) map[string][]Sent
}

// Judge holds task services to what their files expect of them on the bus. Expect
// and Forget may be called from any goroutine and never block.
type Judge struct {
	opts JudgeOptions
	wake chan struct{} // capacity 1, a level: somebody is judged anew; sent by Expect, never closed

	mu     sync.Mutex // guards duties, and all in them
	duties map[event.Ref][]*duty

	ledgers map[string]*ledger // by topic; owned by Run
}

// NewJudge makes a Judge; Run makes it live.
func NewJudge(o JudgeOptions) (*Judge, error) {
	if o.Report == nil || o.Sent == nil {
		return nil, errors.New("judge: Report and Sent are required")
	}
	return &Judge{
		opts: o, wake: make(chan struct{}, 1), duties: map[event.Ref][]*duty{}, ledgers: map[string]*ledger{},
	}, nil
}

// Expect judges a process from now on; nothing counts as missing before its time
// (conf.Expect.Within) and grace are over.
func (j *Judge) Expect(r event.Ref, expects []conf.Expect, grace time.Duration) {
	now := time.Now()
	j.mu.Lock()
	defer j.mu.Unlock()
	list := make([]*duty, len(expects))
	for i, e := range expects {
		list[i] = newDuty(r, i, e, now, grace)
	}
	j.duties[r] = list
	select {
	case j.wake <- struct{}{}:
	default:
	}
}

// Forget ends what Expect began. Nothing is reported of it any more.
func (j *Judge) Forget(r event.Ref) {
	j.mu.Lock()
	defer j.mu.Unlock()
	delete(j.duties, r)
}

// Run looks at the bus when it is time to, until ctx ends.
func (j *Judge) Run(ctx context.Context) error {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for ctx.Err() == nil {
		timer.Reset(max(leastStep, j.round(time.Now()))) // those that are due soon are looked at together
		select {
		case <-timer.C:
		case <-j.wake:
		case <-ctx.Done():
		}
	}
	return nil
}

// round judges what is due, and gives the time until the next.
func (j *Judge) round(now time.Time) time.Duration {
	due := j.due(now)
	if len(due) > 0 {
		j.look(due)
	}
	now = time.Now()
	j.mu.Lock()
	defer j.mu.Unlock()
	for topic, list := range due {
		for _, d := range list {
			if !j.holds(d) {
				continue // it was forgotten meanwhile
			}
			if why := d.judge(now, j.ledgers[topic]); why != "" {
				d.over = true
				j.opts.Report(event.Unmet{Ref: d.ref, Expect: d.n, Topic: topic, Reason: why})
			}
			d.at = now.Add(d.step)
		}
	}
	return j.next(now)
}

// look enters what has come of the topics that are due. It asks without the lock: to
// find an owner may take a look at the whole machine.
func (j *Judge) look(due map[string][]*duty) {
	topics := make(map[string]bool, len(due))
	for topic := range due {
		topics[topic] = true
	}
	sent := j.opts.Sent(topics)
	for topic := range due {
		l := j.ledgers[topic]
		if l == nil {
			l = newLedger()
			j.ledgers[topic] = l
		}
		l.enter(sent[topic], j.judged)
	}
}

// due are the duties whose time has come, by topic.
func (j *Judge) due(now time.Time) map[string][]*duty {
	j.mu.Lock()
	defer j.mu.Unlock()
	due, topics := map[string][]*duty{}, map[string]bool{}
	for _, list := range j.duties {
		for _, d := range list {
			topics[d.expect.Topic] = true
			if !d.over && !d.at.After(now) {
				due[d.expect.Topic] = append(due[d.expect.Topic], d)
			}
		}
	}
	for topic, l := range j.ledgers {
		if !topics[topic] {
			delete(j.ledgers, topic) // of nobody any more
			continue
		}
		l.keep(func(r event.Ref) bool { return j.duties[r] != nil })
	}
	return due
}

// holds says that a duty is still judged. The lock is held.
func (j *Judge) holds(d *duty) bool {
	list := j.duties[d.ref]
	return d.n < len(list) && list[d.n] == d
}

// judged says whether anything is expected of a process.
func (j *Judge) judged(r event.Ref) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.duties[r] != nil
}

// next is the time until something is due. The lock is held.
func (j *Judge) next(now time.Time) time.Duration {
	wait := time.Hour
	for _, list := range j.duties {
		for _, d := range list {
			if !d.over {
				wait = min(wait, max(0, d.at.Sub(now)))
			}
		}
	}
	return wait
}
