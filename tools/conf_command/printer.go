package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"zmicroservices/conf"
	"zmicroservices/context/command"
	"zmicroservices/context/event"
)

// printer shows lines of output.
type printer struct {
	out      *bufio.Writer
	json     *json.Encoder // nil: for people
	stamps   bool
	colour   bool
	terminal bool
	width    int // of the longest id
	colours  map[event.TaskID]string

	// What was shown of the newest time, so that the same lines from elsewhere are not
	// shown again: see skip.
	newest time.Time
	shown  map[event.TaskID]int
	left   map[event.TaskID]int
}

// taskColours are those of task services, in order, and again from the beginning.
var taskColours = []string{cyan, green, yellow, "35", "34", "36;1", "32;1", "33;1", "35;1", "34;1"}

func newPrinter(w world, o logging, file *conf.Context, chosen []*conf.Task) *printer {
	p := &printer{
		out: bufio.NewWriter(w.out), stamps: o.stamps, colour: w.colour, terminal: w.terminal,
		colours: map[event.TaskID]string{}, shown: map[event.TaskID]int{},
	}
	if o.json() {
		p.json = json.NewEncoder(p.out)
		p.json.SetEscapeHTML(false)
	}
	if chosen == nil {
		chosen = file.Tasks
	}
	for _, t := range chosen {
		p.width = max(p.width, len(t.ID))
	}
	for i, t := range file.Tasks { // the same whoever is shown
		p.colours[event.TaskID(t.ID)] = taskColours[i%len(taskColours)]
	}
	return p
}

// logLine is a line as JSON, one a line; a contract. Bytes that are no UTF-8 are
// replaced by U+FFFD.
type logLine struct {
	At     time.Time `json:"at"`
	Task   string    `json:"task"`
	Stream string    `json:"stream"`
	Line   string    `json:"line"`
}

// lines shows a batch at once.
func (p *printer) lines(batch []command.LogLine) error {
	for _, l := range batch {
		if err := p.line(l); err != nil {
			return err
		}
	}
	return written(p.flush())
}

func (p *printer) flush() error { return p.out.Flush() }

// line shows one, unless it was shown before.
func (p *printer) line(l command.LogLine) error {
	if p.left[l.Task] > 0 && l.At.Equal(p.newest) {
		p.left[l.Task]--
		return nil
	}
	if l.At.After(p.newest) {
		p.newest = l.At
		clear(p.shown)
	}
	if l.At.Equal(p.newest) {
		p.shown[l.Task]++
	}
	return written(p.write(l))
}

// skip passes over what was shown of the newest time, when it comes once more.
func (p *printer) skip() {
	p.left = make(map[event.TaskID]int, len(p.shown))
	for id, n := range p.shown {
		p.left[id] = n
	}
}

func (p *printer) write(l command.LogLine) error {
	if p.json != nil {
		return p.json.Encode(logLine{l.At.UTC(), string(l.Task), l.Stream, strings.ToValidUTF8(string(l.Text), "\uFFFD")})
	}
	if p.stamps {
		fmt.Fprint(p.out, paint(l.At.Local().Format("2006-01-02 15:04:05.000000"), faint, p.colour), " ")
	}
	bar, text := "|", l.Text
	if p.terminal {
		text = []byte(tame(string(l.Text)))
	}
	colour := ""
	if l.Stream == "err" {
		bar, colour = "!", red
	}
	fmt.Fprint(p.out, paint(fmt.Sprintf("%-*s %s", p.width, printable(string(l.Task)), bar), p.colours[l.Task], p.colour), " ")
	// Not painted as a string: what it is must come out byte for byte.
	if p.colour && colour != "" {
		fmt.Fprintf(p.out, "\x1b[%sm", colour)
	}
	_, _ = p.out.Write(text)
	if p.colour && colour != "" {
		_, _ = p.out.WriteString("\x1b[0m")
	}
	return p.out.WriteByte('\n') // bufio remembers the errors of all before
}

// tame makes a line of a service safe to show: nothing in it drives the terminal but
// the tab. What is no UTF-8 is shown as its bytes.
func tame(s string) string {
	if printable(s) == s && strings.ToValidUTF8(s, "") == s {
		return s
	}
	var b strings.Builder
	for i, r := range s {
		switch {
		case r == '\uFFFD' && s[i] >= 0x80 && !strings.HasPrefix(s[i:], "\uFFFD"):
			b.WriteString(`\x` + strconv.FormatUint(uint64(s[i]), 16))
		case r == '\t':
			b.WriteByte('\t')
		default:
			b.WriteString(printable(string(r)))
		}
	}
	return b.String()
}
