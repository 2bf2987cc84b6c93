package screen

import (
	"cmp"
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
)

// View implements tea.Model.
func (s *Screen) View() tea.View {
	v := tea.NewView(s.Draw())
	v.AltScreen = true
	v.WindowTitle = "conf_command top"
	return v
}

// The lines above and below.
const (
	aboveLines = 2 // summary, titles
	belowLines = 2 // ourselves, keys
)

// Draw is what is seen: at most height lines of at most width cells.
func (s *Screen) Draw() string {
	lines := []string{s.summary()}
	switch {
	case s.help:
		lines = append(lines, helpLines...)
	default:
		lines = append(lines, s.table(s.tableHeight())...)
		lines = append(lines, s.detail(s.detailHeight())...)
	}
	room := max(0, s.height-belowLines)
	for len(lines) < room {
		lines = append(lines, "")
	}
	lines = append(lines[:room], s.ourselves(), s.bottom())
	for i, l := range lines {
		if ansi.StringWidth(l) > s.width { // of the fixed texts, on a narrow terminal
			lines[i] = s.cut(l, s.width)
		}
	}
	return strings.Join(lines[max(0, len(lines)-s.height):], "\n")
}

// detailHeight is what the lower half has: what the rows leave, and at least nearly
// half where there is room for both.
func (s *Screen) detailHeight() int {
	room := s.height - aboveLines - belowLines
	least := room * 9 / 20
	if s.wide {
		least = room - 3 // the cursor and its neighbours
	}
	if least < leastDetail {
		return 0
	}
	return max(least, room-max(1, len(s.rows)))
}

func (s *Screen) tableHeight() int {
	return max(1, s.height-aboveLines-belowLines-s.detailHeight())
}

// summary is the first line: which context, how many task services are how.
func (s *Screen) summary() string {
	f := s.figures
	if s.lost != nil {
		return s.paint(s.cut(fmt.Sprintf(" %s  %s", s.opts.Title, clean(s.lost.Error())), s.width), red)
	}
	if f == nil {
		return s.paint(s.cut(" "+s.opts.Title, s.width), bold)
	}
	states := map[string]int{}
	services := 0
	for _, r := range s.rows {
		if r.pid == 0 {
			services++
			states[stateOf(r.service)]++
		}
	}
	left := " " + clean(f.Context)
	if s.frozen {
		left += "  frozen"
	}
	if s.filter != "" || s.typing {
		left += "  /" + s.filter
	}
	left += fmt.Sprintf("  %d service%s", services, plural(services))
	for _, state := range []string{"started", "unready", "starting", "waiting", "created", "scheduled", "stopping", "stopped", "completed", "failed", "defined"} {
		if n := states[state]; n > 0 {
			left += fmt.Sprintf(", %d %s", n, state)
		}
	}
	right := fmt.Sprintf("up %s  %s ", span(f.At.Sub(f.Began).Seconds()), clock(f.At))
	left = s.fit(left, s.width-ansi.StringWidth(right)-1, false)
	style := bold
	if states["failed"] > 0 {
		style = bold + ";" + red
	}
	return s.paint(left, style) + " " + s.paint(right, faint)
}

func plural(n int) string {
	if n == 1 {
		return ""
	}
	return "s"
}

// ourselves is what the bus and we take, and what was dropped.
func (s *Screen) ourselves() string {
	f := s.figures
	if f == nil {
		return ""
	}
	in, out := s.rates()
	text := fmt.Sprintf(" bus %s/s in %s/s out, %s dropped, %s denied", count(in), count(out), count(float64(f.Bus.Dropped.Messages)), count(float64(f.Bus.Denied)))
	bad := f.Bus.Dropped.Messages > 0
	for _, self := range f.Self {
		text += fmt.Sprintf("  %s %s %s%%", self.Process, size(self.RSS), percent(self.CPU))
	}
	if f.Output.Dropped > 0 {
		text, bad = text+fmt.Sprintf("  %s lines lost", count(float64(f.Output.Dropped))), true
	}
	if j := f.Journal; j.Failing != "" || j.Stalled || j.Lost > 0 {
		text, bad = text+"  journal: "+clean(cmp.Or(j.Failing, "rows are late or lost")), true
	} else if j.Waiting > 100 {
		text += fmt.Sprintf("  journal %d behind", j.Waiting)
	}
	style := faint
	if bad {
		style = yellow
	}
	return s.paint(s.cut(text, s.width), style)
}

// rates are the messages a second of the bus, since the figures before.
func (s *Screen) rates() (in, out float64) {
	if s.before == nil {
		return 0, 0
	}
	seconds := s.figures.At.Sub(s.before.At).Seconds()
	now, then := s.figures.Bus, s.before.Bus
	if seconds <= 0 || now.In.Messages < then.In.Messages || now.Out.Messages < then.Out.Messages { // of another provider
		return 0, 0
	}
	return float64(now.In.Messages-then.In.Messages) / seconds, float64(now.Out.Messages-then.Out.Messages) / seconds
}

// bottom is the last line: a question, what was done, or the keys.
func (s *Screen) bottom() string {
	switch {
	case s.confirm != nil:
		return s.paint(s.cut(fmt.Sprintf(" %s %s? y: yes, any other key: no", s.confirm.Action, s.confirm.Task), s.width), bold+";"+yellow)
	case s.typing:
		return s.cut(" /"+s.filter+"_   enter: keep, esc: clear", s.width)
	case s.note != "" && s.bad:
		return s.paint(s.cut(" "+s.note, s.width), red)
	case s.note != "":
		return s.paint(s.cut(" "+s.note, s.width), bold)
	}
	return s.paint(s.cut(" s start  x stop  r restart  / filter  c m d sort  t tree  l log  ? help  q quit", s.width), faint)
}
