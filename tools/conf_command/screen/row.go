package screen

import (
	"cmp"
	"slices"
	"strings"

	"zmicroservices/context/event"
)

// row is a line of the table: a task service, or with tree one of its descendants.
type row struct {
	place
	service *event.ServiceFigures
	cost    *event.ProcessCost // nil: not known. Of a task service all its processes together, unless they have rows
	branch  string             // what leads to a descendant
}

// sorting is by what rows stand in order.
type sorting struct {
	by      string // a column's title; "": the file's order
	reverse bool
}

// arrange makes the rows anew, and keeps the cursor where it was.
func (s *Screen) arrange() {
	if s.figures == nil {
		return
	}
	shown := s.shown()
	s.sort(shown)
	s.rows = s.rows[:0]
	for _, f := range shown {
		s.rows = append(s.rows, s.rowsOf(f)...)
	}
	at := slices.IndexFunc(s.rows, func(r row) bool { return r.place == s.cursor })
	if at < 0 { // a descendant that has ended leaves its task service
		at = slices.IndexFunc(s.rows, func(r row) bool { return r.Key == s.cursor.Key })
	}
	s.move(max(at, 0))
}

// shown are the task services that pass the filter, of the transactions that are live,
// or the latest where none is.
func (s *Screen) shown() []*event.ServiceFigures {
	live := map[event.TransactionID]bool{}
	all := s.figures.Services
	for _, f := range all {
		if f.Present || f.Wanted || f.Scheduled || f.State == event.Created {
			live[f.Transaction] = true
		}
	}
	if len(live) == 0 && len(all) > 0 {
		live[all[len(all)-1].Transaction] = true
	}
	var some []*event.ServiceFigures
	for i := range all {
		if f := &all[i]; (s.all || live[f.Transaction]) && matches(f, s.filter) {
			some = append(some, f)
		}
	}
	return some
}

// matches says that every word of a filter is in what is known of f: its id, instance,
// state or transaction.
func matches(f *event.ServiceFigures, filter string) bool {
	text := strings.ToLower(strings.Join([]string{string(f.ID), f.Instance, f.ServiceName, stateOf(f), string(f.Transaction)}, " "))
	for _, word := range strings.Fields(strings.ToLower(filter)) {
		if !strings.Contains(text, word) {
			return false
		}
	}
	return true
}

// sort puts the most first; of names and states the first of the alphabet.
func (s *Screen) sort(list []*event.ServiceFigures) {
	total := func(f *event.ServiceFigures) event.ProcessCost {
		if f.Cost == nil {
			return event.ProcessCost{RSS: -1, CPU: -1, FDs: -1}
		}
		return f.Cost.Total()
	}
	compare := map[string]func(a, b *event.ServiceFigures) int{
		titleName:     func(a, b *event.ServiceFigures) int { return cmp.Compare(a.ID, b.ID) },
		titleState:    func(a, b *event.ServiceFigures) int { return cmp.Compare(stateOf(a), stateOf(b)) },
		titleUp:       func(a, b *event.ServiceFigures) int { return cmp.Compare(b.Uptime, a.Uptime) },
		titleRestarts: func(a, b *event.ServiceFigures) int { return cmp.Compare(b.Restarts, a.Restarts) },
		titleCPU:      func(a, b *event.ServiceFigures) int { return cmp.Compare(total(b).CPU, total(a).CPU) },
		titleRSS:      func(a, b *event.ServiceFigures) int { return cmp.Compare(total(b).RSS, total(a).RSS) },
		titleFDs:      func(a, b *event.ServiceFigures) int { return cmp.Compare(total(b).FDs, total(a).FDs) },
		titleConns:    func(a, b *event.ServiceFigures) int { return cmp.Compare(total(b).Sockets(), total(a).Sockets()) },
	}[s.order.by]
	if compare != nil {
		slices.SortStableFunc(list, compare)
	}
	if s.order.reverse {
		slices.Reverse(list)
	}
}

// rowsOf is a task service's row, and those of its descendants where they are wanted.
func (s *Screen) rowsOf(f *event.ServiceFigures) []row {
	r := row{place: place{Key: Key{f.Transaction, f.ID}}, service: f}
	if f.Cost == nil {
		return []row{r}
	}
	if !s.tree || len(f.Cost.Children) == 0 {
		total := f.Cost.Total()
		r.cost = &total
		return []row{r}
	}
	r.cost = &f.Cost.ProcessCost
	return append([]row{r}, s.branches(r, f.Cost.PID, 1)...)
}

// branches are the rows of the descendants of pid, each before its own. Those whose
// parent is not among us hang below the task service.
func (s *Screen) branches(of row, pid, depth int) []row {
	const deepest = 8 // pids that were used again could make a circle
	var rows []row
	children := of.service.Cost.Children
	for i := range children {
		c := &children[i]
		orphan := depth == 1 && c.Parent != of.service.Cost.PID &&
			!slices.ContainsFunc(children, func(p event.ProcessCost) bool { return p.PID == c.Parent })
		if c.Parent != pid && !orphan || depth > deepest {
			continue
		}
		r := row{place: place{Key: of.Key, pid: c.PID}, service: of.service, cost: c, branch: strings.Repeat("  ", depth-1) + s.elbow()}
		rows = append(append(rows, r), s.branches(of, c.PID, depth+1)...)
	}
	return rows
}

func (s *Screen) elbow() string {
	if s.opts.Unicode {
		return "└ "
	}
	return "` "
}

// move puts the cursor on a row.
func (s *Screen) move(to int) {
	if len(s.rows) == 0 {
		s.cursor = place{}
		return
	}
	s.cursor = s.rows[min(max(to, 0), len(s.rows)-1)].place
}

// at is the row under the cursor; -1: there is none.
func (s *Screen) at() int {
	return slices.IndexFunc(s.rows, func(r row) bool { return r.place == s.cursor })
}

// stateOf is the state as a person would say it.
func stateOf(f *event.ServiceFigures) string {
	switch {
	case f.Waits != "":
		return "waiting"
	case f.Scheduled && f.State == event.Created:
		return "scheduled"
	case f.Completed:
		return "completed"
	case f.State == event.Started && !f.Ready:
		return "unready"
	}
	return f.State.String()
}
