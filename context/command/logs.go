package command

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"zmicroservices/context/event"
)

// LogQuery chooses lines of output; what is zero chooses all.
type LogQuery struct {
	Transaction event.TransactionID `json:"transaction"` // required
	Tasks       []event.TaskID      `json:"tasks,omitempty"`
	Since       time.Time           `json:"since,omitzero"`
	Last        int                 `json:"last,omitempty"` // the last so many
	Follow      bool                `json:"follow,omitempty"`
}

// LogLine is a line of a service's output.
type LogLine struct {
	At     time.Time    `json:"at"`
	Task   event.TaskID `json:"task"`
	Stream string       `json:"stream"` // out or err
	Text   []byte       `json:"text"`   // base64: a service may write any bytes
}

// check refuses names that lead out of the folder of all logs.
func (q LogQuery) check() error {
	names := []string{string(q.Transaction)}
	for _, t := range q.Tasks {
		names = append(names, string(t))
	}
	for _, name := range names {
		if name == "" || name == "." || name == ".." || strings.ContainsRune(name, filepath.Separator) {
			return fmt.Errorf("%q names no transaction and no task service", name)
		}
	}
	return nil
}

// logs streams output. A client that does not read holds up its own query alone.
func (ses *session) logs(ctx context.Context, q query) {
	if q.Logs == nil {
		q.Logs = &LogQuery{Transaction: event.TransactionID(q.Transaction)}
	}
	err := q.Logs.check()
	if err == nil {
		err = ses.s.h.opts.Logs.Read(ctx, *q.Logs, func(lines []LogLine) error {
			ses.send(reply{ID: q.ID, Lines: lines})
			return ctx.Err()
		})
	}
	if ctx.Err() != nil {
		err = nil
	}
	ses.send(answerOf(q, err, reply{}))
}
