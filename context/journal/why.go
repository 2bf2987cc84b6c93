package journal

import (
	"context"
	"fmt"

	"zmicroservices/context/event"
)

// Link is one change of a chain of causes. The link behind it is its parent: the
// change that called for it.
type Link struct {
	Row int64 `json:"row"`
	event.Change
}

// maxLinks bounds a chain: a service that has crashed and been restarted for
// weeks has one with as many links. The last link is the root then, if it is
// still there; it is told by its Seq, which is not the Parent of the one before.
const maxLinks = 64

// Why gives the chain from the latest change of state of a task service back to
// what began it, the latest first. An empty transaction is the latest one that
// has such a task. No links: nothing of the task is known. The chain ends early
// where rows are too old to be kept.
func (j *Journal) Why(ctx context.Context, transaction event.TransactionID, task event.TaskID) ([]Link, error) {
	if err := j.settle(ctx); err != nil {
		return nil, fmt.Errorf("read why: %w", err)
	}
	of, args := "", []any{string(task)}
	if transaction != "" {
		of, args = `AND +r."transaction" = (SELECT number FROM transactions WHERE id = ?)`, append(args, string(transaction))
	}
	latest, err := j.link(ctx, `r.task = ? AND r.seq > 0 AND r."from" <> r."to" `+of, args...)
	if err != nil {
		return nil, fmt.Errorf("read why: %w", err)
	}
	var chain []Link
	for next := latest; next != nil; {
		chain = append(chain, *next)
		last := next
		parent := last.Cause.Parent
		if len(chain) == maxLinks-1 {
			parent = last.Cause.Root
		}
		// A parent is older than its child; or the chain would have no end.
		if len(chain) == maxLinks || parent == 0 || parent >= last.Seq {
			break
		}
		next, err = j.link(ctx, `r."transaction" = (SELECT number FROM transactions WHERE id = ?) AND r.seq = ?`,
			string(latest.Transaction), int64(parent))
		if err != nil {
			return nil, fmt.Errorf("read why: %w", err)
		}
	}
	return chain, nil
}

// link reads the latest change that fits; nil: there is none.
func (j *Journal) link(ctx context.Context, where string, args ...any) (*Link, error) {
	rows, err := j.rows(ctx, fmt.Sprintf("SELECT %s FROM rows r WHERE %s ORDER BY r.row DESC LIMIT 1", columns, where), args...)
	if err != nil || len(rows) == 0 || rows[0].Change == nil {
		return nil, err
	}
	return &Link{Row: rows[0].Row, Change: *rows[0].Change}, nil
}
