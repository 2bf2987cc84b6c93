package top

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

// display is as much of a terminal as a program needs that moves the cursor, writes and
// erases (ECMA-48). What it does not know it remembers, so that a test can complain.
type display struct {
	cells   [][]rune
	row     int
	column  int
	saved   [2]int
	top     int // of the region that scrolls
	bottom  int
	rest    string // of a sequence that is not whole
	wrapped int    // letters that were written beyond the last column
	unknown []string
}

func newDisplay() *display {
	d := &display{bottom: lines - 1}
	for range lines {
		d.cells = append(d.cells, []rune(strings.Repeat(" ", columns)))
	}
	return d
}

func (d *display) String() string {
	var b strings.Builder
	for _, line := range d.cells {
		b.WriteString(strings.TrimRight(string(line), " ") + "\n")
	}
	return b.String()
}

var (
	csi   = regexp.MustCompile("^\x1b\\[([<=>?]?)([0-9;:]*)([ -/]*)([@-~])")
	other = regexp.MustCompile("^\x1b(?:\\][^\x07\x1b]*(?:\x07|\x1b\\\\)|P[^\x1b]*\x1b\\\\|[()][A-Z0-9]|[=>78MDEHc])")
)

func (d *display) write(p []byte) {
	d.rest += string(p)
	for len(d.rest) > 0 {
		n := d.next()
		if n == 0 {
			return // the rest comes later
		}
		d.rest = d.rest[n:]
	}
}

// next takes one letter or sequence and gives its length; 0: it is not whole.
func (d *display) next() int {
	if d.rest[0] == 0x1b {
		if m := csi.FindStringSubmatch(d.rest); m != nil {
			d.control(m[1], m[2], m[4][0])
			return len(m[0])
		}
		if m := other.FindString(d.rest); m != "" {
			d.escape(m)
			return len(m)
		}
		if len(d.rest) > 256 {
			d.unknown = append(d.unknown, fmt.Sprintf("%.20q", d.rest))
			return 1
		}
		return 0
	}
	if !utf8.FullRuneInString(d.rest) {
		return 0
	}
	r, n := utf8.DecodeRuneInString(d.rest)
	switch r {
	case '\r':
		d.column = 0
	case '\n':
		d.feed()
	case '\b':
		d.column = max(0, d.column-1)
	case '\t':
		d.column = min(columns-1, d.column/8*8+8)
	case 0x07, 0x0e, 0x0f:
	default:
		d.put(r)
	}
	return n
}

func (d *display) put(r rune) {
	if d.column >= columns {
		d.wrapped++
		d.column = 0
		d.feed()
	}
	d.cells[d.row][d.column] = r
	d.column++
}

func (d *display) feed() {
	switch {
	case d.row == d.bottom:
		d.scroll(d.top, 1)
	case d.row < lines-1:
		d.row++
	}
}

// scroll moves the lines of the region from a line on up, or down if n is negative.
func (d *display) scroll(from, n int) {
	if from < d.top || from > d.bottom {
		return
	}
	region := d.cells[from : d.bottom+1]
	for range max(n, -n) {
		first, last := region[0], region[len(region)-1]
		if n > 0 {
			copy(region, region[1:])
			region[len(region)-1] = first
			d.blank(d.bottom, 0, columns)
		} else {
			copy(region[1:], region)
			region[0] = last
			d.blank(from, 0, columns)
		}
	}
}

func (d *display) escape(s string) {
	switch s[1] {
	case '7':
		d.saved = [2]int{d.row, d.column}
	case '8':
		d.row, d.column = d.saved[0], d.saved[1]
	case 'M':
		if d.row == d.top {
			d.scroll(d.top, -1)
		} else {
			d.row = max(0, d.row-1)
		}
	case 'D':
		d.feed()
	case 'E':
		d.column = 0
		d.feed()
	}
}

// control does what a sequence says; n is its parameter with this number, and what it
// is by default.
func (d *display) control(private, parameters string, final byte) {
	fields := strings.Split(parameters, ";")
	n := func(i, otherwise int) int {
		if i < len(fields) {
			if v, err := strconv.Atoi(fields[i]); err == nil && v > 0 {
				return v
			}
		}
		return otherwise
	}
	if private != "" { // modes, and questions that we do not answer
		return
	}
	switch final {
	case 'A':
		d.row = max(0, d.row-n(0, 1))
	case 'B':
		d.row = min(lines-1, d.row+n(0, 1))
	case 'C':
		d.column = min(columns-1, d.column+n(0, 1))
	case 'D':
		d.column = max(0, min(d.column, columns-1)-n(0, 1))
	case 'G':
		d.column = min(columns, n(0, 1)) - 1
	case 'd':
		d.row = min(lines, n(0, 1)) - 1
	case 'H', 'f':
		d.row, d.column = min(lines, n(0, 1))-1, min(columns, n(1, 1))-1
	case 'J':
		d.erase(n(0, 0))
	case 'K':
		from, to := d.column, columns
		if k := n(0, 0); k == 1 {
			from, to = 0, d.column+1
		} else if k == 2 {
			from = 0
		}
		d.blank(d.row, from, to)
	case 'X':
		d.blank(d.row, d.column, d.column+n(0, 1))
	case 'P':
		line := d.cells[d.row]
		k := min(n(0, 1), columns-d.column)
		copy(line[d.column:], line[d.column+k:])
		d.blank(d.row, columns-k, columns)
	case '@':
		line := d.cells[d.row]
		k := min(n(0, 1), columns-d.column)
		copy(line[d.column+k:], line[d.column:])
		d.blank(d.row, d.column, d.column+k)
	case 'b':
		for range n(0, 1) {
			d.put(d.cells[d.row][max(0, d.column-1)])
		}
	case 'L':
		d.scroll(d.row, -n(0, 1))
	case 'M':
		d.scroll(d.row, n(0, 1))
	case 'S':
		d.scroll(d.top, n(0, 1))
	case 'T':
		d.scroll(d.top, -n(0, 1))
	case 'r':
		d.top, d.bottom = n(0, 1)-1, min(lines, n(1, lines))-1
		d.row, d.column = 0, 0
	case 'm', 'h', 'l', 't', 'c', 'n', 'q':
	default:
		d.unknown = append(d.unknown, fmt.Sprintf("CSI %s %c", parameters, final))
	}
}

func (d *display) erase(which int) {
	for row := range lines {
		switch {
		case which == 2, which == 0 && row > d.row, which == 1 && row < d.row:
			d.blank(row, 0, columns)
		case which == 0 && row == d.row:
			d.blank(row, d.column, columns)
		case which == 1 && row == d.row:
			d.blank(row, 0, d.column+1)
		}
	}
}

func (d *display) blank(row, from, to int) {
	for i := from; i < min(to, columns); i++ {
		d.cells[row][i] = ' '
	}
}

func TestADisplayShowsWhatIsWritten(t *testing.T) {
	d := newDisplay()
	d.write([]byte("hello\r\nw\x1b[31mör\x1b"))
	d.write([]byte("[0mld\x1b[1;3HLL\x1b[2;3H\x1b[K\x1b]0;title\x07\x1b[24;80HX"))
	if got := strings.Fields(d.String()); strings.Join(got, " ") != "heLLo wö X" || d.wrapped != 0 {
		t.Errorf("got %q, wrapped %d", got, d.wrapped)
	}
	if d.write([]byte("Y")); d.wrapped != 1 {
		t.Error("a wrap is not seen")
	}
	if d.write([]byte("\x1b[3y")); len(d.unknown) != 1 {
		t.Errorf("unknown: %q", d.unknown)
	}
}
