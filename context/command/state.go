package command

import (
	"encoding/json"
	"fmt"

	"zmicroservices/context/event"
	"zmicroservices/taskservice/message"
)

// state answers a query with what a View holds.
func (h *Handler) state(p Peer, payload []byte) {
	q, err := message.ParseState(payload)
	if err != nil {
		h.opts.Logger.Warn("state message dropped", "peer", p.Name, "err", err)
		return
	}
	id := event.TransactionID(q.Header.Transaction)
	switch q.Header.Action {
	case "request":
		reply := message.State{Header: q.Header, Content: map[string]any{}}
		reply.Header.Action = "reply_context"
		v := h.opts.Transactions.View(id)
		if v != nil {
			reply.Content = contextInfo(v, h.opts.Own.ContextID)
		}
		if v != nil || !h.opts.Original {
			h.publish(reply.Frame())
		}
		if v == nil {
			h.refuse(q.Header, id, fmt.Sprintf("there is no transaction %q", id))
			return
		}
		h.waiters.answer(Outcome{Transaction: id, Action: "request", Request: q.Header.RequestID, OK: true})
	case "top":
		h.refuse(q.Header, id, "top is not yet supported: this release samples no processes")
	default: // a reply, or a word of somebody else's
	}
}

// contextInfo is a View in the original's words (PROTOCOL 6).
func contextInfo(v *event.View, contextID string) map[string]any {
	tasks := make([]any, len(v.Tasks))
	for i, t := range v.Tasks {
		tasks[i] = taskInfo(t, v.Transaction)
	}
	return map[string]any{
		"configuration": map[string]any{
			"BackendBind": v.Endpoints.BackendBind, "BackendEndpoint": v.Endpoints.BackendEndpoint,
			"FrontBind": v.Endpoints.FrontBind, "FrontEndEndpoint": v.Endpoints.FrontEndEndpoint,
		},
		"contextId":      contextID,
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
