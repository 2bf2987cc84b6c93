package main

import (
	"strconv"
	"strings"
	"unicode"
)

// printable makes text from the bus safe to show: a service that writes escape
// sequences into its reasons must not drive the operator's terminal.
func printable(s string) string {
	if strings.IndexFunc(s, hidden) < 0 {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if hidden(r) {
			quoted := strconv.QuoteRuneToASCII(r)
			b.WriteString(quoted[1 : len(quoted)-1])
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

func hidden(r rune) bool { return !unicode.IsPrint(r) }

// shortened bounds what one message may take of a line.
func shortened(s string, letters int) string {
	n := 0
	for i := range s {
		if n == letters {
			return s[:i] + "…"
		}
		n++
	}
	return s
}
