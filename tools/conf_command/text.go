package main

import (
	"encoding/json"
	"fmt"

	"zmicroservices/tools/internal/show"
)

// printable makes text from the bus safe to show.
func printable(s string) string { return show.Printable(s) }

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

// word is a text of a message, and of anything else what it looks like.
func word(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case map[string]any, []any:
		if b, err := json.Marshal(v); err == nil {
			return string(b)
		}
	}
	return fmt.Sprint(v)
}

// number is a whole number of a message, 0 if it is none.
func number(v any) int {
	n, ok := v.(json.Number)
	if !ok {
		return 0
	}
	i, err := n.Int64()
	if err != nil {
		return 0
	}
	return int(i)
}

// plural is the s of more than one.
func plural(n int) string {
	if n == 1 {
		return ""
	}
	return "s"
}
