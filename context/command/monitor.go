package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"zmicroservices/conf"
	"zmicroservices/context/event"
	"zmicroservices/taskservice/message"
)

// Settings say how often a transaction's cost is reported, and what of it.
type Settings struct {
	Interval    time.Duration // 0 is never
	Connections bool
	OpenedFiles bool
	MemoryMaps  bool
}

// SettingsOf are those of a file.
func SettingsOf(m conf.Monitor) Settings {
	return Settings{Interval: m.Interval, Connections: m.Connections, OpenedFiles: m.OpenedFiles, MemoryMaps: m.MemoryMaps}
}

// Meter measures transactions and has them reported.
type Meter interface {
	// Monitor changes how one transaction is reported. It does not wait.
	Monitor(id event.TransactionID, s Settings)
	// Accounts measures one transaction now: its task services that have a process, in
	// their order. ErrUnknown: there is no such transaction.
	Accounts(ctx context.Context, id event.TransactionID, d Detail) ([]Account, error)
	// Publish begins, changes or ends a publication; there is one at an endpoint.
	Publish(p Publication) error
}

// errOriginal refuses what the original had not got.
var errOriginal = errors.New("nothing is said on this bus that the original did not say (--wire original): process monitoring is not there")

// monitor takes monitor_on and monitor_off.
func (h *Handler) monitor(p Peer, c message.Command, id event.TransactionID) {
	s, err := h.settings(c, id)
	if err != nil {
		h.refuse(c.Header, id, err.Error())
		return
	}
	h.opts.Meter.Monitor(id, s)
	h.opts.Logger.Info("monitoring changed", "transaction", id, "peer", p.Name, "interval", s.Interval)
	h.Answer(Outcome{Transaction: id, Action: c.Header.Action, Request: c.Header.RequestID, OK: true})
}

// settings reads what was asked for: the file's, as far as nothing else is said. With
// monitor_on an interval of 0 makes no sense, and the file's may be 0.
func (h *Handler) settings(c message.Command, id event.TransactionID) (Settings, error) {
	switch {
	case h.opts.Original:
		return Settings{}, errOriginal
	case h.opts.Meter == nil:
		return Settings{}, errors.New("this provider measures nothing")
	case id == "":
		return Settings{}, errors.New("header.service_transaction is empty: name the transaction")
	case h.opts.Transactions.View(id) == nil:
		return Settings{}, fmt.Errorf("there is no transaction %q", id)
	case c.Header.Action == "monitor_off":
		return Settings{}, nil
	}
	s := SettingsOf(h.opts.Own.Monitor)
	if s.Interval == 0 {
		s.Interval = conf.DefaultMonitorInterval
	}
	if v, ok := c.Configuration["interval"]; ok {
		var err error
		if s.Interval, err = interval(v); err != nil {
			return Settings{}, fmt.Errorf("configuration.interval %v %w", v, err)
		}
	}
	for name, into := range map[string]*bool{"connections": &s.Connections, "opened_files": &s.OpenedFiles, "memory_maps": &s.MemoryMaps} {
		v, ok := c.Configuration[name]
		if !ok {
			continue
		}
		switch v {
		case true, "true", "True":
			*into = true
		case false, "false", "False":
			*into = false
		default:
			return Settings{}, fmt.Errorf("configuration.%s %v is neither true nor false", name, v)
		}
	}
	return s, nil
}

// interval reads "5s", or a number of seconds.
func interval(v any) (time.Duration, error) {
	text, isText := v.(string)
	if n, is := v.(json.Number); is {
		text = n.String()
	} else if !isText {
		return 0, errors.New(`is no duration; write it as "5s"`)
	}
	if seconds, err := strconv.ParseFloat(text, 64); err == nil && seconds < 1e9 {
		text = strconv.FormatFloat(seconds, 'f', -1, 64) + "s"
	}
	d, err := time.ParseDuration(text)
	switch {
	case err != nil:
		return 0, errors.New(`is no duration; write it as "5s"`)
	case d == 0:
		return 0, errors.New("is off: monitor_off does that")
	}
	return d, conf.CheckMonitorInterval(d)
}
