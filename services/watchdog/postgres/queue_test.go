package postgres

import (
	"fmt"
	"testing"

	"zmicroservices/services/watchdog"
	"zmicroservices/services/watchdog/storetest"
)

func TestARingThatRunsOverKeepsTheRows(t *testing.T) {
	var q queue
	answered := 0
	q.asks = append(q.asks, ask{below: 0, done: nil}, ask{below: 1}, ask{below: ringEntries + 10})
	var lost uint64
	pumps := []watchdog.Microservice{storetest.Pump(0), storetest.Pump(1), storetest.Pump(2)}
	for n := range ringEntries + 5 {
		one := pumps[n%3]
		one.Seq = uint64(n)
		e := watchdog.Entry{After: &one}
		if n != 1 {
			e.Message = &watchdog.Message{Topic: fmt.Sprint(n)}
		}
		lost += q.push(e)
	}
	if lost != 4 { // the second had only a row
		t.Errorf("%d lost", lost)
	}
	for _, a := range q.answered(0) {
		answered++
		if a.lost != (a.below > 0) {
			t.Errorf("%+v", a)
		}
	}
	if answered != 3 {
		t.Errorf("%d answered", answered)
	}
	seen, rows := 0, map[string]uint64{}
	for g := q.take(); g.size() > 0; g = q.take() {
		seen += len(g.messages)
		for gid, m := range g.rows {
			if m.Seq < rows[gid] {
				t.Errorf("a row goes back from %d to %d", rows[gid], m.Seq)
			}
			rows[gid] = m.Seq
		}
	}
	if seen != ringEntries || q.bytes != 0 || len(rows) != 3 {
		t.Errorf("%d messages, %d bytes left, rows %v", seen, q.bytes, rows)
	}
	for _, seq := range rows {
		if seq < ringEntries+2 {
			t.Errorf("rows %v", rows)
		}
	}
}

func TestAGroupIsBoundedInBytes(t *testing.T) {
	var q queue
	payload := make([]byte, watchdog.MaxPayload) // one for all: it is counted each time
	for range ringBytes/watchdog.MaxPayload + 10 {
		q.push(watchdog.Entry{Message: &watchdog.Message{Payload: payload}})
	}
	if q.bytes > ringBytes {
		t.Errorf("%d bytes wait", q.bytes)
	}
	if g := q.take(); len(g.messages) != groupBytes/watchdog.MaxPayload {
		t.Errorf("%d messages in a group", len(g.messages))
	}
}

func TestAGroupIsSplitUntilEachStandsAlone(t *testing.T) {
	g := group{rows: map[string]*watchdog.Microservice{}}
	for n := range 5 {
		one := storetest.Pump(n)
		g.messages, g.changes, g.rows[one.GID] = append(g.messages, &watchdog.Message{}), append(g.changes, &watchdog.Change{}), &one
	}
	alone := 0
	for groups := []group{g}; len(groups) > 0; groups = groups[1:] {
		switch groups[0].size() {
		case 0:
			t.Fatal("a part of nothing")
		case 1:
			alone++
		default:
			groups = append(groups, groups[0].parts()...)
		}
	}
	if alone != 15 {
		t.Errorf("%d stand alone", alone)
	}
}
