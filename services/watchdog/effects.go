package watchdog

import (
	"strings"
	"time"

	"zmicroservices/taskservice/hippodamia"
	"zmicroservices/taskservice/message"
)

// carryOut stores what a step has left, and does what follows from it.
func (w *Watchdog) carryOut(now time.Time, o outcome) {
	if o.entry.Message != nil || o.entry.Change != nil || o.entry.After != nil {
		w.opts.Store.Append(o.entry)
	}
	if c := o.entry.Change; c != nil {
		m := o.of
		w.opts.Logger.Info("microservice changed state", "name", m.Name, "type", m.Type, "gid", m.GID, "from", c.From, "to", c.To, "reason", c.Reason)
	}
	if r := o.entry.Message; r != nil && r.Rejected != "" {
		w.opts.Logger.Debug("message was rejected", "topic", r.Topic, "reason", r.Rejected)
	}
	for _, e := range o.effects {
		switch e {
		case Keep:
			w.waiting[o.of.GID] = o.of.UUID
		case Respond:
			post(w, w.opts.Topics.Individual(o.of.UUID), hippodamia.OnboardingResponse{UUID: o.of.UUID, GID: o.of.GID, Timestamp: now.UTC()})
		case Alarm, Welcome:
			w.notice(o.of)
		}
	}
	if o.invite != "" {
		w.invite(now, o.invite)
	}
}

// invite tells an agent whom we do not know to onboard anew, so that whoever loses its
// database, or finds agents of a watchdog before, knows them soon. Agents that do not
// listen are not told again at each of their pings.
func (w *Watchdog) invite(now time.Time, gid string) {
	if at, told := w.invited[gid]; told && now.Sub(at) < inviteEvery || !w.invites.AllowN(now, 1) {
		return
	}
	w.invited[gid] = now
	w.command(w.opts.Topics.CommandOnboarding(), gid, now)
}

// notice says on the bus that a microservice is inactive, terminated, or active again.
func (w *Watchdog) notice(m *member) {
	status := map[string]any{
		"device_action": string(m.State), "result": "success",
		"gid": m.GID, "name": m.Name, "type": m.Type, "host": m.Host, "config_id": m.ConfigID,
		"last_seen": m.LastSeen.UTC().Format(time.RFC3339Nano),
	}
	if m.Reason != "" {
		status["reason"] = m.Reason
	}
	if id := w.taskID(m); id != "" {
		status["task_id"] = id
	}
	header := w.opts.Sender
	header.Action = "updated"
	w.say(message.Control{Header: header, Status: status})
}

func (w *Watchdog) say(c message.Control) {
	frame, err := c.Frame()
	if err != nil {
		w.opts.Logger.Error("notice was not published", "err", err)
		return
	}
	w.queue(frame)
}

// taskID is the task service that a microservice is, if it is one of our transaction;
// else "". Its configuration is <context id>/<task id>, with #2 behind it in a transaction
// beside an older one. Another host may have the same context.
func (w *Watchdog) taskID(m *member) string {
	own, ownOrdinal, _ := strings.Cut(w.opts.ConfigID, "#")
	context, _, ours := strings.Cut(own, "/")
	id, ordinal, _ := strings.Cut(m.ConfigID, "#")
	id, same := strings.CutPrefix(id, context+"/")
	if !ours || !same || ordinal != ownOrdinal || m.Host != w.opts.Host {
		return ""
	}
	return id
}

// answer tells what is observed. A question is short and its answer may be megabytes, so
// who asks on and on, or while the bus is away, is not answered each time: neither the
// memory is to be filled with answers nor the place of responses to agents. Whoever waits
// for an answer asks again.
func (w *Watchdog) answer(now time.Time, payload []byte) {
	q, err := hippodamia.Parse[hippodamia.Query](payload)
	if err != nil {
		w.opts.Logger.Debug("query was not understood", "err", err)
		return
	}
	if waiting := w.queued.Load(); waiting > answerBelow {
		w.opts.Logger.Debug("query was not answered: much waits for the bus", "bytes", waiting)
		return
	}
	all := w.roster.services()
	for more := true; more; {
		n := min(len(all), servicesChunk)
		more = n < len(all)
		post(w, w.opts.Topics.Reply(), hippodamia.Services{RequestID: q.RequestID, Timestamp: now.UTC(), Services: all[:n:n], More: more})
		all = all[n:]
	}
}

// post queues a message for the bus.
func post[M hippodamia.Message](w *Watchdog, topic string, m M) {
	frame, err := hippodamia.Frame(topic, m)
	if err != nil {
		w.opts.Logger.Error("message was not published", "topic", topic, "err", err)
		return
	}
	w.queue(frame)
}
