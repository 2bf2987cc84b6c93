package provider

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"zmicroservices/context/event"
)

func TestTheOldestQuietTransactionsLeaveMemory(t *testing.T) {
	many := func(n, services int, seq uint64, wanted bool) []*event.View {
		var views []*event.View
		for i := range n {
			v := &event.View{Transaction: event.TransactionID(fmt.Sprintf("T%03d", i)), Seq: seq}
			for range services {
				v.Tasks = append(v.Tasks, &event.TaskView{Wanted: wanted})
			}
			views = append(views, v)
		}
		return views
	}
	for name, c := range map[string]struct {
		views []*event.View
		leave int // how many of the oldest
	}{
		"few":                      {many(keepQuiet-1, 1, 1, false), 0},
		"too many":                 {many(keepQuiet+9, 1, 1, false), 10},
		"too many, all refused":    {many(keepQuiet+9, 0, 1, false), 10},
		"just begun":               {many(keepQuiet+9, 0, 0, false), 0},
		"running":                  {many(keepQuiet+9, 1, 1, true), 0},
		"large ones":               {many(10, 2000, 1, false), 8},
		"one that is large itself": {many(1, keepServices+1, 1, false), 0},
	} {
		t.Run(name, func(t *testing.T) {
			got := leaving(c.views)
			slices.Sort(got)
			if len(got) != c.leave {
				t.Fatalf("%d leave, want %d", len(got), c.leave)
			}
			for i, id := range got {
				if id != c.views[i].Transaction {
					t.Errorf("%s leaves and is not one of the oldest", id)
				}
			}
		})
	}
}

func TestATransactionThatWasQuietForADayLeavesMemory(t *testing.T) {
	now := time.Now()
	view := func(id string, since time.Duration, wanted bool) *event.View {
		return &event.View{
			Transaction: event.TransactionID(id), Seq: 1, Began: now.Add(-100 * time.Hour),
			Tasks: []*event.TaskView{{Since: now.Add(-90 * time.Hour)}, {Since: now.Add(-since), Wanted: wanted}},
		}
	}
	views := []*event.View{
		view("named", 25*time.Hour, false), view("old", 25*time.Hour, false), view("wanted", 25*time.Hour, true),
		view("young", 23*time.Hour, false), view("latest", 25*time.Hour, false),
	}
	if got := aged(views, now, "named"); !slices.Equal(got, []event.TransactionID{"old"}) {
		t.Errorf("%v leave", got)
	}
}
