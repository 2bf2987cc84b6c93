package metrics

import "zmicroservices/context/event"

// sum is a task service in all transactions that are in memory.
type sum struct {
	states    [event.NumStates]int
	ready, up int
	lines     uint64
	sampled   bool
	oldest    float64 // seconds since the epoch
	processes int
	cost      event.ProcessCost
}

// services tells of the task services. A name without a sample has no cost: a 0 would
// be a figure.
func (p *picture) services(out sink, f *event.Figures) {
	var states [event.NumStates]int
	sums := map[name]*sum{}
	for _, s := range f.Services {
		n := p.labels.of(s.Transaction, s.ID)
		if sums[n] == nil {
			sums[n] = &sum{}
		}
		sums[n].add(s)
		states[s.State]++
	}
	for state, n := range states {
		out.gauge(tasks, float64(n), event.State(state).String())
	}
	for n, s := range sums {
		s.tell(out, n)
	}
}

func (s *sum) add(f event.ServiceFigures) {
	s.states[f.State]++
	s.lines += f.Dropped
	if f.Ready {
		s.ready++
	}
	if f.Present {
		s.up++
	}
	if f.Cost == nil {
		return
	}
	at := float64(f.Cost.At.UnixMilli()) / 1000
	if !s.sampled || at < s.oldest {
		s.oldest = at
	}
	s.sampled = true
	s.processes += 1 + len(f.Cost.Children)
	total := event.Cost{ProcessCost: s.cost, Children: []event.ProcessCost{f.Cost.Total()}}
	s.cost = total.Total()
}

func (s *sum) tell(out sink, n name) {
	for state, in := range s.states {
		if in > 0 {
			out.gauge(taskState, float64(in), n.task, n.instance, event.State(state).String())
		}
	}
	out.gauge(taskReady, float64(s.ready), n.task, n.instance)
	out.gauge(taskUp, float64(s.up), n.task, n.instance)
	out.gauge(taskLines, float64(s.lines), n.task, n.instance)
	if !s.sampled {
		return
	}
	out.gauge(taskRSS, float64(s.cost.RSS), n.task, n.instance)
	out.gauge(taskVMS, float64(s.cost.VMS), n.task, n.instance)
	out.gauge(taskCPU, s.cost.CPU/100, n.task, n.instance)
	out.gauge(taskFDs, float64(s.cost.FDs), n.task, n.instance)
	out.gauge(taskThr, float64(s.cost.Threads), n.task, n.instance)
	out.gauge(taskKids, float64(s.processes), n.task, n.instance)
	out.gauge(taskAge, s.oldest, n.task, n.instance)
	for status, of := range s.cost.Connections {
		out.gauge(taskConns, float64(of), n.task, n.instance, status)
	}
}
