package bus_test

import (
	"fmt"
	"strings"
)

// table collects the rows of a benchmark, to be printed as Markdown when it is over.
type table struct{ lines []string }

func newTable(columns ...string) *table {
	t := &table{}
	cells := make([]any, len(columns))
	for i, c := range columns {
		cells[i] = c
	}
	t.row(cells...)
	t.lines = append(t.lines, "|"+strings.Repeat("---|", len(columns)))
	return t
}

func (t *table) row(cells ...any) {
	var b strings.Builder
	b.WriteByte('|')
	for _, c := range cells {
		fmt.Fprintf(&b, " %v |", c)
	}
	t.lines = append(t.lines, b.String())
}

func (t *table) print() {
	if len(t.lines) > 2 {
		fmt.Printf("\n%s\n\n", strings.Join(t.lines, "\n"))
	}
}

// count writes a number with its thousands apart.
func count(v float64) string {
	s := fmt.Sprintf("%.0f", v)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func ratio(v float64) string { return fmt.Sprintf("%.2f", v) }

// atLeast is a goal and whether it is reached; 0 is none.
func atLeast(v, goal float64) string { return verdict(v >= goal, "≥", goal) }

// atMost is atLeast from above.
func atMost(v, goal float64) string { return verdict(v <= goal, "≤", goal) }

func verdict(reached bool, sign string, goal float64) string {
	switch {
	case goal == 0:
		return "–"
	case reached:
		return fmt.Sprintf("%s %.2g", sign, goal)
	}
	return fmt.Sprintf("%s %.2g **missed**", sign, goal)
}
