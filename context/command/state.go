package command

import (
	"encoding/json"
	"fmt"
	"time"

	"zmicroservices/context/event"
	"zmicroservices/taskservice/message"
)

// state answers a query with what a View holds.
func (h *Handler) state(p Peer, payload []byte) {
	q, err := message.ParseState(payload)
	if err != nil {
		h.wrong(p, message.TopicState, q.Header, err)
		return
	}
	id := event.TransactionID(q.Header.Transaction)
	switch q.Header.Action {
	case "request":
		reply := message.State{Header: q.Header, Content: map[string]any{}}
		reply.Header.Action = "reply_context"
		v := h.opts.Transactions.View(id)
		if v != nil {
			reply.Content = h.contextInfo(v)
		}
		if v != nil || !h.opts.Original {
			h.publish(reply.Frame())
		}
		if v == nil {
			h.refuse(q.Header, id, fmt.Sprintf("there is no transaction %q", id))
			return
		}
		h.waiters.answer(Outcome{Transaction: id, Action: "request", Request: q.Header.RequestID, OK: true})
	case "why", "history":
		h.recall(q, id)
	case "top":
		h.top(q, id)
	default: // a reply, or a word of somebody else's
	}
}

// recall answers from the journal: reply_why, reply_history.
func (h *Handler) recall(q message.State, id event.TransactionID) {
	asked, _ := q.Content["configuration"].(map[string]any)
	task, _ := asked["task"].(string)
	var content any
	var err error
	if q.Header.Action == "why" {
		content, err = h.opts.Journal.Why(h.ctx, id, event.TaskID(task))
	} else {
		var filter HistoryQuery
		if filter, err = historyQuery(asked); err == nil {
			filter.Transaction, filter.Task = id, event.TaskID(task)
			var entries []Entry
			entries, err = h.opts.Journal.History(h.ctx, filter)
			content = map[string]any{"rows": entries}
		}
	}
	var object map[string]any
	if err == nil {
		object, err = objectOf(content)
	}
	if err != nil {
		h.refuse(q.Header, id, err.Error())
		return
	}
	reply := message.State{Header: q.Header, Content: object}
	reply.Header.Action = "reply_" + q.Header.Action
	h.publish(reply.Frame())
	h.waiters.answer(Outcome{Transaction: id, Action: q.Header.Action, Request: q.Header.RequestID, OK: true})
}

// historyQuery reads since, until (RFC 3339) and limit.
func historyQuery(asked map[string]any) (HistoryQuery, error) {
	var q HistoryQuery
	for key, to := range map[string]*time.Time{"since": &q.Since, "until": &q.Until} {
		text, given := asked[key].(string)
		if !given || text == "" {
			continue
		}
		at, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			return q, fmt.Errorf("configuration.%s %q is no RFC 3339 time", key, text)
		}
		*to = at
	}
	q.Limit = number(asked["limit"])
	return q, nil
}

// objectOf is a value of ours as a message's object.
func objectOf(v any) (map[string]any, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	return message.Decode(text)
}

// contextInfo is a View in the original's words (PROTOCOL 6).
func (h *Handler) contextInfo(v *event.View) map[string]any {
	tasks := make([]any, len(v.Tasks))
	for i, t := range v.Tasks {
		tasks[i] = h.pictures.take(t, v.Transaction)
	}
	return map[string]any{
		"configuration": map[string]any{
			"BackendBind": v.Endpoints.BackendBind, "BackendEndpoint": v.Endpoints.BackendEndpoint,
			"FrontBind": v.Endpoints.FrontBind, "FrontEndEndpoint": v.Endpoints.FrontEndEndpoint,
		},
		"contextId":      h.opts.Own.ContextID,
		"contextLogName": v.LogName,
		"contextName":    v.ContextName,
		"tasks":          tasks,
	}
}

func taskInfo(t *event.TaskView, id event.TransactionID) map[string]any {
	info := map[string]any{
		"service_id": string(t.ID), "pid": nil, "action": t.Action, "state": t.Result,
	}
	if t.PID > 0 {
		info["pid"] = t.PID
	}
	if t.Object == nil {
		return info // not yet told anything: the original knows no more of it either
	}
	info["serviceName"] = t.ServiceName
	info["instance"] = t.Instance
	info["task"] = message.Process{
		Header: message.Header{
			Action: t.Told, ServiceID: string(t.ID), ServiceName: t.ServiceName, Transaction: string(id),
		},
		Object: t.Object,
	}.Filled()
	return info
}

// number reads a JSON number that is a pid.
func number(v any) int {
	switch n := v.(type) {
	case json.Number:
		i, err := n.Int64()
		if err != nil {
			return 0
		}
		return int(i)
	case float64:
		return int(n)
	case int:
		return n
	default:
		return 0
	}
}
