package screen

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"

	"zmicroservices/context/event"
)

// The parts of the lower half, in lines.
const (
	whyLines    = 2
	causeLines  = 2
	leastDetail = 4 // below that it says too little to be worth the room
)

// detail draws the task service under the cursor: why it is as it is, its last causes,
// and the end of its log.
func (s *Screen) detail(height int) []string {
	at := s.at()
	if height < leastDetail || at < 0 {
		return nil
	}
	f := s.rows[at].service
	lines := []string{s.rule(s.about(f))}
	if s.followed != s.cursor.Key { // what is there is still of the one before
		return lines
	}
	lines = append(lines, s.whys()...)
	if len(lines) > height-2 {
		lines = lines[:height-2] // the log is what they came for
	}
	return append(lines, s.log(height-len(lines))...)
}

// about is what is known of a task service beyond its row.
func (s *Screen) about(f *event.ServiceFigures) string {
	words := []string{string(f.ID) + " " + f.Instance}
	if f.Present && f.PID > 0 {
		words = append(words, fmt.Sprintf("pid %d", f.PID))
	}
	if len(s.transactions()) > 1 {
		words = append(words, string(f.Transaction))
	}
	if f.Cost != nil && len(f.Cost.Children) > 0 {
		words = append(words, fmt.Sprintf("%d processes", 1+len(f.Cost.Children)))
	}
	if f.Exit != nil && !f.Present {
		words = append(words, exitOf(*f.Exit))
	}
	if f.Dropped > 0 {
		words = append(words, fmt.Sprintf("%d lines dropped", f.Dropped))
	}
	if text := cmp.Or(f.Waits, f.Status); text != "" {
		words = append(words, text)
	}
	if f.Cost != nil && f.Cost.Error != "" {
		words = append(words, f.Cost.Error)
	}
	return clean(strings.Join(words, ", "))
}

func exitOf(e event.Exit) string {
	if e.Signal != "" {
		return "killed by " + e.Signal
	}
	return fmt.Sprintf("exit code %d", e.Code)
}

// transactions are those that have rows.
func (s *Screen) transactions() map[event.TransactionID]bool {
	all := map[event.TransactionID]bool{}
	for _, r := range s.rows {
		all[r.Transaction] = true
	}
	return all
}

// rule is a line across with a title in it.
func (s *Screen) rule(title string) string {
	dash := "-"
	if s.opts.Unicode {
		dash = "─"
	}
	title = s.cut(dash+dash+" "+title+" ", s.width)
	return s.paint(title, bold) + s.paint(strings.Repeat(dash, max(0, s.width-ansi.StringWidth(title))), faint)
}

// whys are the sentence that tells why, and the last changes.
func (s *Screen) whys() []string {
	var lines []string
	if text := clean(s.causes.Why); text != "" {
		lines = strings.Split(ansi.Wrap(text, s.width, ""), "\n")
		if len(lines) > whyLines {
			lines = lines[:whyLines]
			lines[whyLines-1] = s.cut(lines[whyLines-1]+s.ellipsis(), s.width-1)
		}
	}
	changes := s.causes.Changes
	for _, c := range changes[max(0, len(changes)-causeLines):] {
		text := fmt.Sprintf("%s %s: %s", clock(c.At), c.To, c.Event)
		if c.Reason != "" {
			text += ", " + c.Reason
		}
		if !c.Cause.IsZero() {
			text += " (" + c.Cause.String() + ")"
		}
		lines = append(lines, s.paint(s.cut(clean(text), s.width), faint))
	}
	return lines
}

// log is the end of the output, at the bottom.
func (s *Screen) log(height int) []string {
	last := s.lines[max(0, len(s.lines)-height):]
	lines := make([]string, 0, height)
	for _, l := range last {
		bar, style := " | ", ""
		if l.Stream == "err" {
			bar, style = " ! ", red
		}
		lines = append(lines, s.paint(clock(l.At)+bar, faint)+s.paint(s.cut(clean(l.Text), s.width-len("15:04:05 | ")), style))
	}
	if len(lines) == 0 {
		lines = append(lines, s.paint(s.cut("nothing printed", s.width), faint))
	}
	return lines
}

func clock(at time.Time) string { return at.Local().Format(time.TimeOnly) }
