package provider

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"zmicroservices/conf"
	"zmicroservices/context/command"
	"zmicroservices/context/event"
	"zmicroservices/context/group"
	"zmicroservices/context/journal"
)

func TestEveryLiveTransactionHasANumberOfItsOwn(t *testing.T) {
	live := map[event.TransactionID]bool{}
	o := &ordinals{taken: map[event.TransactionID]int{}, views: func() (all []*event.View) {
		for id, is := range live {
			all = append(all, &event.View{Transaction: id, Seq: 1, Tasks: []*event.TaskView{{Present: is}}})
		}
		return all
	}}
	asked := func(id event.TransactionID, want int) {
		t.Helper()
		live[id] = true
		if got := o.of(id); got != want {
			t.Errorf("%s has %d, want %d", id, got, want)
		}
	}
	asked("A", 1)
	asked("B", 2)
	asked("C", 3)
	live["B"] = false
	asked("C", 3)
	asked("D", 2)
	asked("B", 4) // again, and its number is somebody else's
	o.leave("A")
	asked("E", 1)
}

// Two transactions run the same service: what their processes are told differs, and a
// later provider learns it from them.
func TestAProcessIsToldTheConfigurationThatItIsTheOnlyOneOf(t *testing.T) {
	c := file(t, service("ts001", "/bin/sh -c 'env >> $0; exec sleep 1000' envs", ""))
	s := startWith(t, c, func(o *Options) { o.PingInterval, o.WatchPrefix = 2*time.Second, "plant7" })
	views := map[event.TransactionID]*event.TaskView{}
	for _, id := range []event.TransactionID{"T1", "T2"} {
		if err := s.p.Ask(command.Request{Transaction: id, Action: "start", Tasks: c.Tasks}); err != nil {
			t.Fatal(err)
		}
		s.hear("ts001", "started")
		views[id] = s.p.View(id).Task("ts001")
	}
	for id, want := range map[event.TransactionID]int{"T1": 1, "T2": 2} {
		saved := openTransaction{Saved: journal.Saved{Transaction: journal.Transaction{ID: id}}, tasks: []group.Saved{{
			Spec: &conf.Task{ID: "ts001"}, Seen: group.SavedSeen{Present: true, Made: true, PID: views[id].PID, Incarnation: 1},
		}}}
		next := &ordinals{taken: map[event.TransactionID]int{}}
		if next.restore(saved); next.taken[id] != want {
			t.Errorf("%s: the next provider takes %d, want %d", id, next.taken[id], want)
		}
		saved.tasks[0].Seen.Incarnation++ // another process has the pid
		next.taken = map[event.TransactionID]int{}
		if next.restore(saved); len(next.taken) > 0 {
			t.Errorf("%s: %v is taken from a stranger", id, next.taken)
		}
	}
	var told string
	await(t, "both to have written their environments", func() bool {
		text, _ := os.ReadFile(filepath.Join(filepath.Dir(c.File), "envs"))
		told = string(text)
		return strings.Count(told, "ZMS_TASK=") == 2
	})
	for _, want := range []string{
		"ZMS_CONFIG_ID=context001/ts001\n", "ZMS_CONFIG_ID=context001/ts001#2\n",
		"ZMS_PING_INTERVAL=2s\n", "ZMS_ALIVE_INTERVAL=3600s\n", "ZMS_WATCH_PREFIX=plant7\n",
	} {
		if !strings.Contains(told, want) {
			t.Errorf("no %q in %s", want, told)
		}
	}
}
