package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// report is what became of an order. Its JSON is a contract: keys are added,
// never taken away.
type report struct {
	Context     string    `json:"context"` // ContextID; "" if it is not known
	Transaction string    `json:"transaction"`
	Action      string    `json:"action"`
	RequestID   string    `json:"request_id"`
	Awaited     bool      `json:"awaited"` // whether the outcome was waited for
	OK          bool      `json:"ok"`      // of what was not awaited: that it was sent
	Reason      string    `json:"reason,omitempty"`
	Tasks       []service `json:"tasks"` // as they were when the outcome was known
}

func (r report) show(w io.Writer, colour, asJSON bool) error {
	if asJSON {
		return writeJSON(w, r)
	}
	if len(r.Tasks) == 0 {
		return nil
	}
	return showServices(w, colour, r.Tasks)
}

func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// complain is the error of an order that was not carried out, nil if it was.
func (r report) complain(failures map[string]string) error {
	if r.OK {
		return nil
	}
	reason := r.Reason
	if reason == "" {
		reason = listed(failures)
	}
	if reason == "" {
		reason = "no reason was given"
	}
	if r.Transaction == "" {
		return failed("%s: %s", r.Action, reason)
	}
	return failed("%s in transaction %s: %s", r.Action, r.Transaction, reason)
}

func listed(failures map[string]string) string {
	var reasons []string
	for _, id := range slices.Sorted(maps.Keys(failures)) {
		reasons = append(reasons, fmt.Sprintf("%s: %s", id, failures[id]))
	}
	return strings.Join(reasons, "; ")
}
