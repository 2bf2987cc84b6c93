package logs

import "time"

// Query chooses lines; what is zero chooses all.
type Query struct {
	Tasks []string  // none: all that have files
	Since time.Time // not before
	Until time.Time // before
	Last  int       // the last so many of those; 0: all

	// Pause, if there is one, is called when everything was given that is there, and
	// more may come: what was held back to be shown together is due.
	Pause func() error

	heard map[string]time.Time // of a task: what is as new as that comes by its ear
}

// fits says whether a line is chosen by its time.
func (q Query) fits(l Line) bool {
	heard, hears := q.heard[l.Task]
	return !l.At.Before(q.Since) && (q.Until.IsZero() || l.At.Before(q.Until)) && (!hears || l.At.Before(heard))
}

// sources are those of the tasks that were asked for, begun where the query begins.
func (q Query) sources(l *listing) []*source {
	tasks := q.Tasks
	if len(tasks) == 0 {
		tasks = l.names()
	}
	all := make([]*source, len(tasks))
	for i, task := range tasks {
		all[i] = q.source(l, task)
	}
	return all
}

func (q Query) source(l *listing, task string) *source {
	s := &source{list: l, task: task}
	for _, c := range l.after(task, "") {
		if !c.at().Before(q.Since) { // what was cut before holds nothing newer
			break
		}
		s.done = c.stamp
	}
	return s
}

func (q Query) pause() error {
	if q.Pause == nil {
		return nil
	}
	return q.Pause()
}
