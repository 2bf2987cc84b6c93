package screen

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/charmbracelet/x/ansi"
)

// The styles, as SGR parameters (ECMA-48, 8.3.117).
const (
	bold    = "1"
	faint   = "2"
	reverse = "7"
	red     = "31"
	green   = "32"
	yellow  = "33"
	cyan    = "36"
)

// paint dresses a text, if colours are wanted.
func (s *Screen) paint(text, style string) string {
	if !s.opts.Colour || style == "" || text == "" {
		return text
	}
	return "\x1b[" + style + "m" + text + "\x1b[0m"
}

// clean makes a text of somebody's one that only shows: nothing in it drives the
// terminal, and a tab is a few blanks.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '·'
	}, strings.ReplaceAll(strings.ToValidUTF8(text, "·"), "\t", "    "))
}

// fit cuts a text to a width, or fills it up; the end of what is cut is a dot.
func (s *Screen) fit(text string, width int, right bool) string {
	if width <= 0 {
		return ""
	}
	if ansi.StringWidth(text) > width {
		text = ansi.Truncate(text, width, s.ellipsis())
	}
	blanks := strings.Repeat(" ", max(0, width-ansi.StringWidth(text)))
	if right {
		return blanks + text
	}
	return text + blanks
}

// cut is fit without filling up.
func (s *Screen) cut(text string, width int) string {
	return ansi.Truncate(text, max(0, width), s.ellipsis())
}

func (s *Screen) ellipsis() string {
	if s.opts.Unicode {
		return "…"
	}
	return "~"
}

// size is a number of bytes in five letters at most: 999B, 12.3M, 1023M.
func size(bytes int64) string {
	v, unit := float64(bytes), 0
	for v >= 1000 && unit < 4 {
		v, unit = v/1024, unit+1
	}
	letter := "BKMGT"[unit : unit+1]
	if v < 9.95 && unit > 0 {
		return strconv.FormatFloat(v, 'f', 1, 64) + letter
	}
	return strconv.FormatFloat(v, 'f', 0, 64) + letter
}

// count is a number in five letters at most.
func count(n float64) string {
	for _, unit := range []string{"", "k", "M", "G", "T"} {
		switch {
		case n < 9.95 && unit != "", n < 9.95 && n != float64(int(n)):
			return strconv.FormatFloat(n, 'f', 1, 64) + unit
		case n < 9999.5 && unit == "", n < 999.5:
			return strconv.FormatFloat(n, 'f', 0, 64) + unit
		}
		n /= 1000
	}
	return "lots"
}

// percent is a share of a core, in five letters at most.
func percent(v float64) string {
	if v < 99.95 {
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	return strconv.FormatFloat(v, 'f', 0, 64)
}

// span is a time in five letters at most: 42s, 12m, 3h07m, 12d.
func span(seconds float64) string {
	d := time.Duration(seconds * float64(time.Second))
	switch {
	case d <= 0:
		return "-"
	case d < 100*time.Second:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < 100*time.Minute:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	case d < 10*time.Hour:
		return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
	case d < 100*time.Hour:
		return fmt.Sprintf("%dh", int(d.Hours()))
	default:
		return fmt.Sprintf("%dd", int(d.Hours()/24))
	}
}
