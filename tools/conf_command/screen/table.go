package screen

import (
	"cmp"
	"strconv"
	"strings"

	"zmicroservices/context/event"
)

// The titles of the columns; sorting names them.
const (
	titleName     = "SERVICE"
	titleState    = "STATE"
	titleUp       = "UP"
	titleRestarts = "RST"
	titleCPU      = "CPU%"
	titleRSS      = "RSS"
	titleFDs      = "FDS"
	titleConns    = "CON"
)

// column is one of the table's.
type column struct {
	title string
	width int
	right bool
	of    func(s *Screen, r row, width int) (text, style string)
}

// columns are those that fit a width, together exactly as wide, with blanks between.
// What room is left goes to the name first, then to the sparklines.
func columns(width int) []column {
	list := []column{
		{titleName, 14, false, nameOf},
		{titleState, 9, false, stateIn},
		{titleUp, 5, true, upOf},
		{titleRestarts, 3, true, restartsOf},
		{titleCPU, 5, true, ofCost(func(c *event.ProcessCost) string { return percent(c.CPU) })},
		{"", 7, false, cpuLine},
		{titleRSS, 5, true, ofCost(func(c *event.ProcessCost) string { return size(c.RSS) })},
		{"", 7, false, rssLine},
		{titleFDs, 4, true, ofCost(func(c *event.ProcessCost) string { return strconv.Itoa(c.FDs) })},
		{titleConns, 4, true, ofCost(func(c *event.ProcessCost) string { return strconv.Itoa(c.Sockets()) })},
	}
	spare := width - len(list) // each but the last has a blank behind it, and the marker is one
	for _, c := range list {
		spare -= c.width
	}
	if spare < 0 { // narrower than 80: the sparklines go
		list = append(append(list[:5:5], list[6]), list[8:]...)
		spare += 7 + 7 + 2
	} else {
		name := min(spare, 18)
		lines := min((spare-name)/2, traceLength-7)
		list[5].width += lines
		list[7].width += lines
		spare -= 2 * lines
	}
	list[0].width = max(1, list[0].width+spare)
	return list
}

// table draws the titles and so many rows.
func (s *Screen) table(height int) []string {
	cols := columns(s.width)
	titles := make([]string, len(cols))
	for i, c := range cols {
		title := c.title
		if title != "" && title == s.order.by {
			title = s.arrow() + title
		}
		titles[i] = s.fit(title, c.width, c.right)
	}
	lines := []string{s.paint(s.cut(" "+strings.Join(titles, " "), s.width), bold)}
	s.scroll(height)
	for _, r := range s.rows[s.top:min(len(s.rows), s.top+height)] {
		lines = append(lines, s.line(r, cols))
	}
	if len(s.rows) == 0 {
		lines = append(lines, s.paint(s.cut(" "+s.nothing(), s.width), faint))
	}
	return lines
}

// scroll has the rows begin so that the cursor is seen.
func (s *Screen) scroll(height int) {
	at := max(s.at(), 0)
	s.top = min(s.top, at, max(0, len(s.rows)-height))
	s.top = max(s.top, at-height+1)
}

func (s *Screen) arrow() string {
	switch {
	case s.opts.Unicode && s.order.reverse:
		return "▴"
	case s.opts.Unicode:
		return "▾"
	case s.order.reverse:
		return "^"
	}
	return "v"
}

func (s *Screen) nothing() string {
	switch {
	case s.figures == nil:
		return "waiting for the provider"
	case s.filter != "":
		return "nothing matches; esc clears the filter"
	}
	return "no task services; conf_command start starts them"
}

// line draws one row. The one under the cursor is marked by a letter, too: there are
// terminals without colours.
func (s *Screen) line(r row, cols []column) string {
	under := r.place == s.cursor
	mark := " "
	if under {
		mark = ">"
	}
	var b strings.Builder
	b.WriteString(mark)
	for i, c := range cols {
		text, style := c.of(s, r, c.width)
		text = s.fit(clean(text), c.width, c.right)
		if !under {
			text = s.paint(text, style)
		}
		b.WriteString(text)
		if i < len(cols)-1 {
			b.WriteByte(' ')
		}
	}
	line := s.cut(b.String(), s.width)
	if under {
		return s.paint(s.fit(line, s.width, false), reverse)
	}
	return line
}

func nameOf(_ *Screen, r row, _ int) (string, string) {
	if r.pid > 0 {
		return r.branch + cmp.Or(r.cost.Name, "?"), faint
	}
	return string(r.service.ID) + " " + r.service.Instance, ""
}

func stateIn(_ *Screen, r row, _ int) (string, string) {
	if r.pid > 0 {
		return strconv.Itoa(r.pid), faint
	}
	state := stateOf(r.service)
	return state, styleOf(state)
}

// styleOf is how a state looks at a glance.
func styleOf(state string) string {
	switch state {
	case "started":
		return green
	case "failed":
		return red
	case "starting", "stopping", "waiting", "unready":
		return yellow
	case "created", "scheduled":
		return cyan
	}
	return faint
}

func upOf(_ *Screen, r row, _ int) (string, string) {
	if r.pid > 0 {
		return "", ""
	}
	return span(r.service.Uptime), ""
}

func restartsOf(_ *Screen, r row, _ int) (string, string) {
	switch {
	case r.pid > 0:
		return "", ""
	case r.service.Restarts > 0:
		return strconv.Itoa(r.service.Restarts), yellow
	}
	return "0", faint
}

// ofCost shows a figure, and a dash where nobody knows it.
func ofCost(show func(*event.ProcessCost) string) func(*Screen, row, int) (string, string) {
	return func(_ *Screen, r row, _ int) (string, string) {
		if r.cost == nil {
			return "-", faint
		}
		return show(r.cost), ""
	}
}

func cpuLine(s *Screen, r row, width int) (string, string) {
	t := s.traces[r.Key]
	if t == nil || r.pid > 0 {
		return "", ""
	}
	return sparkline(t.cpu, width, fullCPU(t.cpu), s.letters()), cyan
}

func rssLine(s *Screen, r row, width int) (string, string) {
	t := s.traces[r.Key]
	if t == nil || r.pid > 0 {
		return "", ""
	}
	return sparkline(t.rss, width, fullRSS(t.rss), s.letters()), cyan
}

func (s *Screen) letters() []rune {
	if s.opts.Unicode {
		return blocks
	}
	return ascii
}
