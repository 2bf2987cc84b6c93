package provider

import (
	"time"

	"zmicroservices/context/command"
	"zmicroservices/context/event"
	"zmicroservices/context/sample"
)

// gather puts into the pass what of a transaction is due: all of it for a report, what
// is judged by limits, or what is older than fresh for who looks.
func (m *meter) gather(v *event.View, now time.Time, report, all bool, judged map[event.Ref]bool) {
	settings := m.plans[v.Transaction].Settings
	for _, t := range v.Tasks {
		ref := refIn(v, t)
		if !t.Present || !report && !all && !judged[ref] {
			continue
		}
		s := m.subject(ref)
		if s == nil || !report && !judged[ref] && now.Sub(s.tree.At()) < fresh {
			continue
		}
		s.tree.Want = want(settings)
		if all || m.judge.Counts(ref) {
			s.tree.Want |= sample.Connections
		}
		m.batch = append(m.batch, s.tree)
	}
}

// subject is that of a process; nil if it has none. Its number is the keeper's word,
// whatever a service says of itself.
func (m *meter) subject(ref event.Ref) *subject {
	if s := m.subjects[ref]; s != nil {
		return s
	}
	leader, ok := m.p.hold.leader(slot(ref))
	if !ok {
		return nil
	}
	s := &subject{tree: m.sampler.Watch(sample.Target{PID: leader.PID, Ticks: leader.Ticks})}
	m.subjects[ref] = s
	return s
}

func refIn(v *event.View, t *event.TaskView) event.Ref {
	return event.Ref{Transaction: v.Transaction, Task: t.ID, Incarnation: t.Incarnation}
}

func want(s command.Settings) (w sample.Want) {
	if s.Connections {
		w |= sample.Connections
	}
	if s.OpenedFiles {
		w |= sample.OpenFiles
	}
	if s.MemoryMaps {
		w |= sample.MemoryMaps
	}
	return w
}

// forget lets go of processes that have ended.
func (m *meter) forget(views []*event.View) {
	if len(m.subjects) == 0 {
		return
	}
	here := make(map[event.Ref]bool, len(m.subjects))
	for _, v := range views {
		for _, t := range v.Tasks {
			if t.Present {
				here[refIn(v, t)] = true
			}
		}
	}
	for ref, s := range m.subjects {
		if !here[ref] {
			s.tree.Close()
			delete(m.subjects, ref)
		}
	}
}

// services are the figures of a transaction that was in this pass.
func (m *meter) services(v *event.View) map[event.TaskID]*command.Usage {
	out := make(map[event.TaskID]*command.Usage, len(v.Tasks))
	for _, t := range v.Tasks {
		if s := m.subjects[refIn(v, t)]; s != nil && s.cost != nil {
			out[t.ID] = usageOf(s.tree, s.cost, m.plans[v.Transaction].Settings)
		}
	}
	return out
}

// latest are the costs of all.
func (m *meter) latest() map[event.Ref]*event.Cost {
	out := make(map[event.Ref]*event.Cost, len(m.subjects))
	for ref, s := range m.subjects {
		if s.cost != nil {
			out[ref] = s.cost
		}
	}
	return out
}
