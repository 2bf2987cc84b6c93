package main

import (
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// table is columns of text, left aligned, that fit their widest cell.
type table struct {
	colour bool
	rows   [][]cell
}

// cell is a text and the colour to show it in.
type cell struct{ text, colour string }

// The colours, as SGR parameters (ECMA-48, 8.3.117).
const (
	bold   = "1"
	faint  = "2"
	red    = "31"
	green  = "32"
	yellow = "33"
	cyan   = "36"
)

func newTable(colour bool, titles ...string) *table {
	t := &table{colour: colour}
	row := make([]cell, len(titles))
	for i, s := range titles {
		row[i] = cell{s, bold}
	}
	t.rows = append(t.rows, row)
	return t
}

// add takes one cell for every column; an empty one is shown as a dash.
func (t *table) add(cells ...cell) {
	for i := range cells {
		if cells[i].text = printable(cells[i].text); cells[i].text == "" {
			cells[i].text = "-"
		}
	}
	t.rows = append(t.rows, cells)
}

func (t *table) show(w io.Writer) error {
	widths := make([]int, len(t.rows[0]))
	for _, row := range t.rows {
		for i, c := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(c.text))
		}
	}
	var b strings.Builder
	for _, row := range t.rows {
		// Without the blanks that would follow the last cell; a dash that ends a
		// row says nothing either, but keeps every row at the same number of fields.
		for i, c := range row {
			b.WriteString(paint(c.text, c.colour, t.colour))
			if i < len(row)-1 {
				b.WriteString(strings.Repeat(" ", widths[i]-utf8.RuneCountInString(c.text)+2))
			}
		}
		b.WriteByte('\n')
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func paint(text, colour string, wanted bool) string {
	if !wanted || colour == "" {
		return text
	}
	return "\x1b[" + colour + "m" + text + "\x1b[0m"
}

// stateColour is how a state looks at a glance.
func stateColour(state string) string {
	switch state {
	case "started":
		return green
	case "failed":
		return red
	case "starting", "stopping":
		return yellow
	case "created":
		return cyan
	}
	return faint
}

// plain makes cells without a colour.
func plain(texts ...string) []cell {
	cells := make([]cell, len(texts))
	for i, s := range texts {
		cells[i].text = s
	}
	return slices.Clip(cells)
}
