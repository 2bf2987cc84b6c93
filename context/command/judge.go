package command

import (
	"errors"
	"fmt"

	"zmicroservices/conf"
	"zmicroservices/context/event"
	"zmicroservices/taskservice/message"
)

// context judges a command to the provider, as PROTOCOL's table does but per
// task service, and answers whatever it refuses.
func (h *Handler) context(p Peer, payload []byte) {
	c, err := message.ParseCommand(payload)
	id := event.TransactionID(c.Header.Transaction)
	if err != nil {
		h.refuse(c.Header, id, err.Error())
		return
	}
	switch c.Header.Action {
	case "exit":
		h.opts.Logger.Info("exit asked for", "peer", p.Name)
		h.opts.Transactions.Exit(id, h.cause(p, c.Header))
	case "start", "restart", "stop":
		h.change(p, c, id)
	case "monitor_on", "monitor_off":
		h.monitor(p, c, id)
	case message.ActionMonitor: // what a provider publishes: no command, never answered
	default:
		h.refuse(c.Header, id, fmt.Sprintf("action %q is none of start, stop, restart, exit, monitor_on, monitor_off", c.Header.Action))
	}
}

// change judges start, stop and restart.
func (h *Handler) change(p Peer, c message.Command, id event.TransactionID) {
	if id == "" {
		h.refuse(c.Header, id, "header.service_transaction is empty: name the transaction")
		return
	}
	known := h.opts.Transactions.View(id) != nil
	r := Request{
		Transaction: id, Action: c.Header.Action, Cause: h.cause(p, c.Header),
		ContextName: c.Header.ServiceName, Refused: map[event.TaskID]string{},
	}
	if r.Action == "stop" {
		switch {
		case !known:
			h.refuse(c.Header, id, fmt.Sprintf("there is no transaction %q", id))
			return
		case c.Header.ServiceID != h.opts.Own.ContextID:
			h.refuse(c.Header, id, fmt.Sprintf("service_id %q is not this context: %q", c.Header.ServiceID, h.opts.Own.ContextID))
			return
		}
	}
	asked, err := conf.FromMessage(c.Configuration)
	if err != nil {
		h.refuse(c.Header, id, err.Error())
		return
	}
	// With no task services, or with the service name `all`, a stop or restart is
	// about every one that runs.
	if len(asked.Tasks) == 0 || c.Header.ServiceName == "all" && r.Action != "start" {
		switch {
		case r.Action == "start":
			h.refuse(c.Header, id, "configuration.TaskService names no task service to start")
			return
		case !known:
			h.refuse(c.Header, id, fmt.Sprintf("there is no transaction %q", id))
			return
		}
		r.All = true
		h.ask(c.Header, r)
		return
	}
	r.LogName = asked.TaskLogName
	r.Endpoints = event.Endpoints{
		FrontEndEndpoint: asked.FrontEndEndpoint, BackendEndpoint: asked.BackendEndpoint,
		FrontBind: asked.FrontBind, BackendBind: asked.BackendBind,
	}
	h.admit(&r, asked.Tasks)
	if len(r.Tasks) == 0 && !known { // what was refused altogether begins nothing
		o := Outcome{Transaction: id, Action: r.Action, Request: c.Header.RequestID}
		o.Fail(r.Refused)
		h.Answer(o)
		return
	}
	h.ask(c.Header, r)
}

// admitReplica is conf.Admit, and knows that a replica is as good as its task
// service.
func (h *Handler) admitReplica(t *conf.Task) (*conf.Task, error) {
	base, n, ok := conf.SplitReplica(t.ID)
	if !ok || h.opts.Own.Task(t.ID) != nil || h.opts.Own.Task(base) == nil {
		return conf.Admit(h.opts.Own, t, h.opts.Allow)
	}
	first := *t
	first.ID = base
	admitted, err := conf.Admit(h.opts.Own, &first, h.opts.Allow)
	if err != nil {
		return nil, err
	}
	return admitted.AsReplica(n), nil
}

// admit asks for every task service whether our own files let it run. A stop
// needs no leave: it names what runs already.
func (h *Handler) admit(r *Request, tasks []*conf.Task) {
	for _, t := range tasks {
		if r.Action == "stop" {
			r.Tasks = append(r.Tasks, t)
			continue
		}
		admitted, err := h.admitReplica(t)
		var refused *conf.RefusedError
		switch {
		case errors.As(err, &refused):
			h.opts.Logger.Warn("task service refused", "task", t.ID, "transaction", r.Transaction, "err", err)
			r.Refused[event.TaskID(t.ID)] = refused.Error()
		case err != nil:
			r.Refused[event.TaskID(t.ID)] = err.Error()
		default:
			r.Tasks = append(r.Tasks, admitted)
		}
	}
}
