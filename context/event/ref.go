package event

import (
	"fmt"
	"strconv"
	"strings"
)

// TransactionID names one run of a context: by custom 20 characters of A-Z0-9.
type TransactionID string

// TaskID names a task service within its transaction, for example "ts001".
type TaskID string

// Incarnation counts the processes that a task service has had within its
// transaction. The first is 1; 0 means that it never had one.
type Incarnation uint64

// Ref names one process of one task service for ever: a restart makes a new
// one, so that a late word of a dead process cannot be taken for its successor's.
type Ref struct {
	Transaction TransactionID
	Task        TaskID
	Incarnation Incarnation
}

// String is the cookie form, transaction/task/incarnation, as in ZMS_TASK.
func (r Ref) String() string {
	return fmt.Sprintf("%s/%s/%d", r.Transaction, r.Task, r.Incarnation)
}

// ParseRef reads what String wrote.
func ParseRef(s string) (Ref, error) {
	parts := strings.Split(s, "/")
	if len(parts) != 3 || parts[0] == "" || parts[1] == "" {
		return Ref{}, fmt.Errorf("parse task reference %q: not transaction/task/incarnation", s)
	}
	n, err := strconv.ParseUint(parts[2], 10, 64)
	if err != nil {
		return Ref{}, fmt.Errorf("parse task reference %q: incarnation %q is not a number", s, parts[2])
	}
	return Ref{TransactionID(parts[0]), TaskID(parts[1]), Incarnation(n)}, nil
}
