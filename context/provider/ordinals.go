package provider

import (
	"bytes"
	"os"
	"strconv"
	"strings"
	"sync"

	"zmicroservices/context/event"
	"zmicroservices/context/keeper"
)

// ordinals tell the live transactions of a context apart, in what their task services
// call their configuration: each has a number of its own from the start of its first
// process until nothing of it is wanted, the smallest that is free. Most contexts have
// one transaction at a time, which is always 1.
type ordinals struct {
	views func() []*event.View

	mu    sync.Mutex // guards taken
	taken map[event.TransactionID]int
}

// of is the number of a transaction. It is asked when a process is about to be made,
// which its View shows by then.
func (o *ordinals) of(id event.TransactionID) int {
	o.mu.Lock()
	n := o.taken[id]
	o.mu.Unlock()
	if n > 0 {
		return n
	}
	views := o.views()
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, v := range views {
		if v.Transaction != id && isQuiet(v) { // what it had is free, now that somebody needs one
			delete(o.taken, v.Transaction)
		}
	}
	return o.take(id)
}

// take gives the smallest that is free, unless there is one already. o.mu is held.
func (o *ordinals) take(id event.TransactionID) int {
	if n := o.taken[id]; n > 0 {
		return n
	}
	used := make(map[int]bool, len(o.taken))
	for _, n := range o.taken {
		used[n] = true
	}
	n := 1
	for used[n] {
		n++
	}
	o.taken[id] = n
	return n
}

// leave frees the number of a transaction that leaves memory.
func (o *ordinals) leave(id event.TransactionID) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.taken, id)
}

// restore takes the number that an earlier provider gave a transaction from one of its
// processes: what they were told is what counts. One without processes gets another.
func (o *ordinals) restore(s openTransaction) {
	for _, t := range s.tasks {
		if !t.Seen.Present || !t.Seen.Made {
			continue
		}
		if n := ordinalOf(t.Seen.PID, s.ref(t)); n > 0 {
			o.mu.Lock()
			o.taken[s.Transaction.ID] = n
			o.mu.Unlock()
			return
		}
	}
}

// ordinalOf reads the number that a process was told; 0: it is not that process, or not
// ours to look into.
func ordinalOf(pid int, ref event.Ref) int {
	environ, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/environ")
	if err != nil {
		return 0
	}
	n, same := 0, false
	for _, v := range bytes.Split(environ, []byte{0}) {
		name, value, _ := strings.Cut(string(v), "=")
		switch name {
		case keeper.CookieName:
			same = value == ref.String()
		case "ZMS_CONFIG_ID":
			n = 1 // see launch.ConfigID
			if number, err := strconv.Atoi(value[strings.LastIndexByte(value, '#')+1:]); err == nil && number > 1 {
				n = number
			}
		}
	}
	if !same {
		return 0
	}
	return n
}
