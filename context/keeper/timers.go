package keeper

import (
	"container/heap"
	"time"
)

// timer is one deadline of the loop.
type timer struct {
	at    time.Time
	do    func()
	index int // in the heap, -1 outside
}

// timers is the heap of deadlines. It drives the timeout of epoll_wait, so that
// an idle keeper sleeps until something happens.
type timers []*timer

func (t timers) Len() int           { return len(t) }
func (t timers) Less(i, j int) bool { return t[i].at.Before(t[j].at) }
func (t timers) Swap(i, j int) {
	t[i], t[j] = t[j], t[i]
	t[i].index, t[j].index = i, j
}

func (t *timers) Push(x any) {
	tm := x.(*timer)
	tm.index = len(*t)
	*t = append(*t, tm)
}

func (t *timers) Pop() any {
	old := *t
	last := old[len(old)-1]
	old[len(old)-1] = nil
	*t = old[:len(old)-1]
	last.index = -1
	return last
}

// after runs do on the loop when d has passed.
func (t *timers) after(d time.Duration, do func()) *timer {
	tm := &timer{at: time.Now().Add(d), do: do}
	heap.Push(t, tm)
	return tm
}

// cancel takes a timer out, wherever it is; nil is none.
func (t *timers) cancel(tm *timer) {
	if tm != nil && tm.index >= 0 {
		heap.Remove(t, tm.index)
	}
}

// fire runs what is due.
func (t *timers) fire() {
	for due := time.Now(); len(*t) > 0 && !(*t)[0].at.After(due); {
		heap.Pop(t).(*timer).do()
	}
}

// timeout is what epoll_wait is to wait, in milliseconds; -1 is for ever.
func (t *timers) timeout() int {
	if len(*t) == 0 {
		return -1
	}
	wait := time.Until((*t)[0].at)
	if wait <= 0 {
		return 0
	}
	return int((wait + time.Millisecond - 1) / time.Millisecond) // rounded up: not early, not busy
}
