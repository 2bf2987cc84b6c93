package main

import "zmicroservices/conf"

// steps collects what is seen of the task services while an order is carried out.
type steps struct {
	order []string // ids, in the order of the file, then as they turned up
	byID  map[string]*service
	whole bool // the order is about the whole transaction
}

func newSteps(o order) *steps {
	s := &steps{byID: map[string]*service{}, whole: o.named == nil}
	for _, t := range o.named {
		s.of(t.ID).describe(t)
	}
	if o.file != nil {
		// Known, but shown only when something is seen of them.
		for _, t := range o.file.Tasks {
			if s.byID[t.ID] == nil {
				s.byID[t.ID] = &service{}
				s.byID[t.ID].describe(t)
			}
		}
	}
	return s
}

func (s *service) describe(t *conf.Task) {
	s.Task, s.Instance, s.ServiceName = t.ID, t.Instance, t.ServiceName
}

// of is the entry of a task service, which is shown from now on.
func (s *steps) of(id string) *service {
	for _, known := range s.order {
		if known == id {
			return s.byID[id]
		}
	}
	s.order = append(s.order, id)
	if s.byID[id] == nil {
		s.byID[id] = &service{Task: id}
	}
	return s.byID[id]
}

func (s *steps) seen(p step) {
	t := s.of(p.Task)
	if p.State != "" {
		t.State = p.State
	}
	if p.PID > 0 {
		t.PID = positive(p.PID)
	}
	t.Reason = p.Reason
	t.Running = false // before live looks at it
	t.Running = t.PID != nil && t.up()
}

// services is what to show: the latest picture where there is one, else what was
// seen; of the whole transaction or of the task services that were concerned;
// with the reasons of those that failed.
func (s *steps) services(latest *picture, failures map[string]string) []service {
	for id := range failures {
		if s.byID[id] != nil || latest == nil {
			s.of(id)
		}
	}
	list := []service{}
	if latest != nil {
		concerned := map[string]bool{}
		for _, id := range s.order {
			concerned[id] = true
		}
		for _, t := range latest.Tasks {
			if s.whole || concerned[t.Task] {
				list = append(list, t)
			}
		}
	} else {
		for _, id := range s.order {
			list = append(list, *s.byID[id])
		}
	}
	for i := range list {
		if why, bad := failures[list[i].Task]; bad {
			list[i].Reason = why
		}
	}
	return list
}
