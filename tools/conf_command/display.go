package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"zmicroservices/taskservice/message"
)

// widest is how many letters of a value of somebody's a line may have.
const widest = 160

// line is a message in words, and whether it tells of nothing bad. What it does
// not understand it shows as it is: an observer has to see that, too.
func line(topic string, payload []byte, verbose bool) (text string, good bool) {
	switch topic {
	case message.TopicContext:
		if c, err := message.ParseCommand(payload); err == nil {
			return commandLine(c), true
		}
	case message.TopicProcess:
		if p, err := message.ParseProcess(payload); err == nil {
			return join(p.Header.Action, p.Header.ServiceID, named(p.Header.ServiceName), field("instance", p.Object["instance"]), p.Header.Transaction), true
		}
	case message.TopicControl:
		if c, err := message.ParseControl(payload); err == nil {
			return controlLine(c, payload, verbose)
		}
	case message.TopicState:
		if s, err := message.ParseState(payload); err == nil {
			return stateLine(s), true
		}
	}
	return printable(shortened(flat(payload), 4*widest)), true
}

func commandLine(c message.Command) string {
	ids := []string{}
	list, ok := c.Configuration["TaskService"].([]any)
	if !ok {
		list = []any{c.Configuration["TaskService"]}
	}
	for _, v := range list {
		if t, ok := v.(map[string]any); ok {
			ids = append(ids, word(t["id"]))
		}
	}
	if len(ids) == 0 {
		ids = append(ids, "no tasks")
	}
	return join(c.Header.Action, c.Header.ServiceID, named(c.Header.ServiceName), "["+shortened(strings.Join(ids, " "), widest)+"]", c.Header.Transaction)
}

func controlLine(c message.Control, payload []byte, verbose bool) (string, bool) {
	h, result := c.Header, word(c.Status["result"])
	good := result == "success" || result == ""
	switch what := word(c.Status["device_action"]); {
	case what == "context_info" && verbose:
		return printable("context_info " + flat(payload)), good
	case what == "context_info":
		return "Message with [context_info]", good
	case what == "command_result":
		text := join(what, result, h.ServiceID, h.Transaction)
		if reason := word(c.Status["reason"]); reason != "" {
			text += ": " + clean(reason)
		}
		return text, good
	}
	fields := []string{h.Action, h.ServiceID, named(h.ServiceName), result}
	for _, key := range slices.Sorted(maps.Keys(c.Status)) {
		if key != "result" && key != "device_action" {
			fields = append(fields, field(key, c.Status[key]))
		}
	}
	return join(append(fields, field("device_action", c.Status["device_action"]), h.Transaction)...), good && h.Action != "failed"
}

func stateLine(s message.State) string {
	what := ""
	switch s.Header.Action {
	case "reply_context":
		tasks, _ := s.Content["tasks"].([]any)
		what = fmt.Sprintf("%d task%s", len(tasks), plural(len(tasks)))
	case "reply_why":
		what = word(s.Content["text"])
	case "reply_history":
		rows, _ := s.Content["rows"].([]any)
		what = fmt.Sprintf("%d row%s", len(rows), plural(len(rows)))
	case "reply_top":
		what = fmt.Sprintf("%d service%s", len(s.List), plural(len(s.List)))
	}
	return join(s.Header.Action, what, s.Header.Transaction)
}

func named(name string) string {
	if name == "" {
		return ""
	}
	return "(" + name + ")"
}

func field(key string, v any) string {
	text := word(v)
	if text == "" {
		return ""
	}
	if strings.ContainsAny(text, " \t\n") {
		text = fmt.Sprintf("%q", shortened(text, widest))
	}
	return key + "=" + text
}

// join puts the words that there are behind each other.
func join(words ...string) string {
	words = slices.DeleteFunc(words, func(s string) bool { return s == "" })
	for i := range words {
		words[i] = clean(words[i])
	}
	return strings.Join(words, " ")
}

func clean(s string) string { return printable(shortened(s, widest)) }

// flat is JSON on one line, and anything else as it is.
func flat(payload []byte) string {
	v, err := message.Decode(payload)
	if err != nil {
		return string(payload)
	}
	b, err := message.EncodeLine(v)
	if err != nil {
		return string(payload)
	}
	return string(b)
}

// transactionIn is the transaction of any message that has a header, wherever
// its topic puts it; "" if there is none.
func transactionIn(payload []byte) string {
	type header struct {
		Transaction        string `json:"transaction"`
		ServiceTransaction string `json:"service_transaction"`
	}
	var m struct {
		Header header `json:"header"`
		Task   struct {
			Message struct {
				Header header `json:"header"`
			} `json:"message"`
		} `json:"Task"`
	}
	// What is of another shape has no transaction that we know of.
	if json.Unmarshal(payload, &m) != nil {
		return ""
	}
	for _, id := range []string{m.Header.ServiceTransaction, m.Header.Transaction, m.Task.Message.Header.Transaction, m.Task.Message.Header.ServiceTransaction} {
		if id != "" {
			return id
		}
	}
	return ""
}
