package conf

import (
	"maps"
	"strconv"
	"strings"
)

// MaxReplicas bounds the replicas of one task service.
const MaxReplicas = 1000

// MaxTasks bounds the task services of a context, replicas counted.
const MaxTasks = 5000

// ReplicaID names a replica: the first has its task service's id, the others have
// the number behind it, "ts001.2".
func ReplicaID(id string, number int) string {
	if number <= 1 {
		return id
	}
	return id + "." + strconv.Itoa(number)
}

// SplitReplica is the inverse of ReplicaID for a replica beyond the first. An id
// of this form may be that of a task service as well: whoever asks has to know.
func SplitReplica(id string) (base string, number int, ok bool) {
	at := strings.LastIndexByte(id, '.')
	if at <= 0 || at == len(id)-1 || id[at+1] == '0' || id[at+1] == '+' {
		return "", 0, false
	}
	n, err := strconv.Atoi(id[at+1:])
	if err != nil || n < 2 {
		return "", 0, false
	}
	return id[:at], n, true
}

// AsReplica is t as its replica with this number, from 2 on. It shares what
// nobody changes with t.
func (t *Task) AsReplica(number int) *Task {
	r := *t
	r.ID, r.Replica = ReplicaID(t.ID, number), number
	if t.Raw != nil {
		r.Raw = maps.Clone(t.Raw)
		r.Raw["id"] = r.ID
	}
	return &r
}

// Find is Task, and knows the ids of replicas, too: "ts001.2" is task ts001 as its
// second one, however many replicas the file asks for.
func (c *Context) Find(id string) *Task {
	if t := c.Task(id); t != nil {
		return t
	}
	if base, n, ok := SplitReplica(id); ok && n <= MaxReplicas {
		if t := c.Task(base); t != nil {
			return t.AsReplica(n)
		}
	}
	return nil
}

// replicas judges how many replicas there are together, and whether any has the
// id of a task service.
func (v *validator) replicas() {
	total, many := 0, Pos{}
	for _, t := range v.c.Tasks {
		total += max(1, t.Process.Replicas)
		if t.Process.Replicas > 1 {
			many = t.Process.places["replicas"]
		}
		if base, n, ok := SplitReplica(t.ID); ok {
			if b := v.tasks[base]; b != nil && n <= b.Process.Replicas {
				v.fail(t.idPos, t, "the id is that of replica %d of %s", n, base)
			}
		}
	}
	if total > MaxTasks && many.IsValid() {
		v.fail(many, nil, "there are %d task services with their replicas; %d are possible", total, MaxTasks)
	}
}
