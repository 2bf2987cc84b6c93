package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"zmicroservices/conf"
	"zmicroservices/context/command"
	"zmicroservices/context/event"
	"zmicroservices/context/logs"
)

// errNoOutput says that no transaction has printed anything.
var errNoOutput = errors.New("no transaction has printed anything yet")

// showFiles reads what the keeper wrote, without anybody's help.
func (o logging) showFiles(ctx context.Context, w world, file *conf.Context, q command.LogQuery, p *printer) error {
	if o.stateDir == "" {
		o.stateDir = command.Folder(command.StateHome(), file.ContextID, file.FrontEndEndpoint, file.BackendEndpoint)
	}
	if q.Transaction == "" {
		found, err := o.lastWritten()
		if errors.Is(err, errNoOutput) {
			return nobody("%s has no provider, and there is no output in %s (--state_dir names another)", file.ContextID, o.stateDir)
		}
		if err != nil {
			return err
		}
		q.Transaction = found
	}
	if strings.ContainsRune(string(q.Transaction), filepath.Separator) {
		return fmt.Errorf("--transaction %q is no transaction", q.Transaction)
	}
	dir := filepath.Join(o.stateDir, "logs", string(q.Transaction))
	fmt.Fprintf(w.err, "%s has no provider: reading %s\n", printable(file.ContextID), printable(dir))
	lq := logs.Query{Since: q.Since, Last: q.Last, Pause: p.flush}
	for _, t := range q.Tasks {
		lq.Tasks = append(lq.Tasks, string(t))
	}
	read := logs.Read
	if q.Follow {
		read = logs.Follow
	}
	return told(read(ctx, dir, lq, func(l logs.Line) error {
		return p.line(command.LogLine{At: l.At, Task: event.TaskID(l.Task), Stream: l.Stream, Text: l.Text})
	}))
}

// lastWritten is the transaction that has printed last.
func (o logging) lastWritten() (event.TransactionID, error) {
	all, err := logs.Transactions(o.stateDir)
	switch {
	case err != nil:
		return "", failed("find the transaction: %w", err)
	case len(all) == 0:
		return "", failed("%w", errNoOutput)
	}
	return event.TransactionID(all[0].ID), nil
}

func list(ids []string) string { return strings.Join(ids, ", ") }
