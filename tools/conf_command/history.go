package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"zmicroservices/context/command"
	"zmicroservices/context/event"
)

// remembering are the options of history.
type remembering struct {
	options
	since, until string
	limit        int
}

func newHistory(w world) *cobra.Command {
	var o remembering
	cmd := &cobra.Command{
		Use:   "history CONTEXT.xml [task...]",
		Short: "Show the journal",
		Long: `Show what happened to the named task services, or to all and to the provider:
every start, stop, restart, kill and refusal with its cause, the oldest first.
A note is about the provider, not about a task service.

Times are RFC 3339, or as the table shows them, or so long ago: 90s, 1h30m.
Where the provider is not on this machine it is asked over the bus.`,
		Example: `  conf_command history conf/Context-EchoAction.xml --since 1h
  conf_command history conf/Context-EchoAction.xml ts_100 --limit 20
  conf_command history conf/Context-EchoAction.xml --since 2026-11-20T12:00:00Z --until 2026-11-20T13:00:00Z
  conf_command history conf/Context-EchoAction.xml -o json | jq '.rows[] | select(.to == "failed")'`,
		RunE: func(cmd *cobra.Command, args []string) error { return runHistory(cmd.Context(), w, o, args) },
	}
	f := cmd.Flags()
	f.SortFlags = false // those of its own first
	f.StringVar(&o.since, "since", "", "not before this time")
	f.StringVar(&o.until, "until", "", "before this time")
	f.IntVar(&o.limit, "limit", 100, "the last so many rows of those that fit")
	o.registerQuestion(cmd, "transaction (default: all)")
	return cmd
}

func runHistory(ctx context.Context, w world, o remembering, args []string) error {
	file, chosen, err := o.choose(args)
	if err != nil {
		return err
	}
	q, err := o.query(w.now())
	if err != nil {
		return err
	}
	e := errand{options: o.options, file: file}
	work, cancel := e.limit(ctx)
	defer cancel()
	p, err := reach(work, o.options, file, false)
	if err != nil {
		return err
	}
	defer p.close()
	// A question names one task service, or none and means all.
	var entries []command.Entry
	of := []event.TaskID{""}
	if chosen != nil {
		of = of[:0]
		for _, t := range chosen {
			of = append(of, event.TaskID(t.ID))
		}
	}
	for _, q.Task = range of {
		some, err := e.history(work, w, p, q)
		if err != nil {
			return err
		}
		entries = append(entries, some...)
	}
	slices.SortFunc(entries, func(a, b command.Entry) int { return cmp.Compare(a.Row, b.Row) })
	return showHistory(w, file.ContextID, entries[max(0, len(entries)-q.Limit):], o.json())
}

// query is what the options choose.
func (o remembering) query(now time.Time) (command.HistoryQuery, error) {
	q := command.HistoryQuery{Transaction: event.TransactionID(o.transaction), Limit: o.limit}
	var err error
	if q.Since, err = moment(o.since, now); err != nil {
		return q, fmt.Errorf("--since %w", err)
	}
	if q.Until, err = moment(o.until, now); err != nil {
		return q, fmt.Errorf("--until %w", err)
	}
	switch {
	case o.limit < 1:
		return q, fmt.Errorf("--limit %d is less than one row", o.limit)
	case !q.Since.IsZero() && !q.Until.IsZero() && !q.Since.Before(q.Until):
		return q, fmt.Errorf("--since %s is not before --until %s", o.since, o.until)
	}
	return q, nil
}

// moment reads a time, or how long ago it was; "" is the zero time.
func moment(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if ago, err := time.ParseDuration(text); err == nil {
		if ago < 0 {
			return time.Time{}, fmt.Errorf("%s is in the future", text)
		}
		return now.Add(-ago), nil
	}
	for _, layout := range []string{time.RFC3339, time.DateTime, time.DateOnly} {
		// A fraction of a second is read wherever there is one.
		if at, err := time.ParseInLocation(layout, text, time.Local); err == nil {
			return at, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is neither a time (2026-11-20T12:00:00Z) nor how long ago it was (1h)", text)
}

// history asks for rows of the journal, by whichever way there is.
func (e errand) history(ctx context.Context, w world, p provider, q command.HistoryQuery) ([]command.Entry, error) {
	entries, err := p.history(ctx, q)
	if !errors.Is(err, errNoAnswer) {
		return entries, e.unanswered(ctx, "ask for the history", err)
	}
	asked := map[string]any{"limit": q.Limit}
	if q.Task != "" {
		asked["task"] = string(q.Task)
	}
	for key, at := range map[string]time.Time{"since": q.Since, "until": q.Until} {
		if !at.IsZero() {
			asked[key] = at.Format(time.RFC3339Nano)
		}
	}
	var reply struct {
		Rows []command.Entry `json:"rows"`
	}
	content, err := e.ask(ctx, w, p, "history", asked)
	if err == nil {
		err = decode(content, &reply)
	}
	return reply.Rows, e.unanswered(ctx, "ask for the history", err)
}

// chronicle is what history prints as JSON, a contract as row is.
type chronicle struct {
	Context string `json:"context"`
	Rows    []row  `json:"rows"` // the oldest first
}

func showHistory(w world, contextID string, entries []command.Entry, asJSON bool) error {
	rows := make([]row, len(entries))
	for i, e := range entries {
		rows[i] = rowOf(e)
	}
	switch {
	case asJSON:
		return written(writeJSON(w.out, chronicle{contextID, rows}))
	case len(rows) == 0:
		fmt.Fprintf(w.err, "the journal of %s has nothing of that\n", printable(contextID))
		return nil
	}
	t := newTable(w.colour, "TIME", "TASK", "FROM", "TO", "EVENT", "CAUSE", "REASON")
	for _, r := range rows {
		what := cell{text: r.Event}
		if r.Kind == "note" {
			what = cell{"note: " + r.Event, faint}
		}
		t.add(cell{text: r.when()}, cell{text: r.Task}, cell{text: r.From}, cell{r.To, stateColour(r.To)}, what, cell{text: r.by()}, cell{text: r.reason()})
	}
	return written(t.show(w.out))
}
