package metrics

import (
	"sync"

	"zmicroservices/context/event"
)

// other is the task service of those that are beyond the bound.
const other = "other"

// name is what a task service is called in labels.
type name struct{ task, instance string }

// labels knows the names that task services have, the same for ever: two series of one
// name that differ in instance would be one too many.
type labels struct {
	instance func(event.TransactionID, event.TaskID) string
	most     int

	mu    sync.Mutex // guards names
	names map[event.TaskID]name
}

func (l *labels) of(id event.TransactionID, task event.TaskID) name {
	l.mu.Lock()
	n, ok := l.names[task]
	full := len(l.names) >= l.most
	l.mu.Unlock()
	switch {
	case ok:
		return n
	case full:
		return name{task: other}
	}
	n = name{task: string(task)}
	if l.instance != nil {
		n.instance = l.instance(id, task) // without the lock: it is somebody else's
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if first, ok := l.names[task]; ok {
		return first
	}
	l.names[task] = n
	return n
}
