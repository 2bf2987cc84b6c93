package main

import (
	"encoding/json"
	"fmt"

	"zmicroservices/taskservice/message"
)

// answer is a reply_context or a reply_top.
type answer struct {
	content map[string]any
	list    []any
}

// show prints the answer to a question.
func (a *answer) show(w world, e errand, h message.Header) error {
	if h.Action == "top" {
		return a.showTop(w, e.json())
	}
	if len(a.content) == 0 {
		return failed("there is no transaction %q", h.Transaction)
	}
	return showPictures(w, contextOf(e.file, a.content), []picture{pictureFromBus(h.Transaction, a.content)}, e.json())
}

// showTop prints what the processes cost, as the provider sent it; the table has
// the figures that every process has.
func (a *answer) showTop(w world, asJSON bool) error {
	if asJSON {
		list := a.list
		if list == nil {
			list = []any{}
		}
		return written(writeJSON(w.out, list))
	}
	t := newTable(w.colour, "TASK", "INSTANCE", "PID", "STATUS", "RSS", "VMS", "MEM%", "CPU%", "CHILDREN")
	for _, v := range a.list {
		s, _ := v.(map[string]any)
		memory, _ := s["memory"].(map[string]any)
		children, _ := memory["children"].([]any)
		t.add(plain(
			word(s["service_id"]), word(s["instance"]), word(s["pid"]), word(memory["status"]),
			figure(memory["rss"], "M"), figure(memory["vms"], "M"), figure(memory["percent"], ""), figure(memory["cpu_percent"], ""),
			fmt.Sprint(len(children)),
		)...)
	}
	return written(t.show(w.out))
}

// figure is a number of a message with one decimal, "" if it is none.
func figure(v any, unit string) string {
	n, ok := v.(json.Number)
	if !ok {
		return ""
	}
	f, err := n.Float64()
	if err != nil {
		return ""
	}
	return fmt.Sprintf("%.1f%s", f, unit)
}

func written(err error) error {
	if err != nil {
		return failed("write: %w", err)
	}
	return nil
}
