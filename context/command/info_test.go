package command

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"zmicroservices/context/event"
)

func TestContextInfoIsPacedAndNeverOlderThanTheLatestChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		v := view("T1")
		h.views = []*event.View{v}
		i := NewInfo(h.handler)
		i.clock = func() time.Time { // making one takes 10 ms
			time.Sleep(5 * time.Millisecond)
			return time.Now()
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go func() { _ = i.Run(ctx) }() // ends with ctx
		began := time.Now()
		for n := range 1000 {
			task := *v.Tasks[0]
			task.PID = n
			h.show(&event.View{Transaction: "T1", Tasks: []*event.TaskView{&task}})
			i.Changed("T1", []event.Change{{To: event.Started}})
			time.Sleep(time.Millisecond)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if most := int(time.Since(began)/(200*time.Millisecond)) + 1; len(h.said) > most || len(h.said) < 2 {
			t.Errorf("%d messages in %v, want at most %d", len(h.said), time.Since(began), most)
		}
		if last := h.said[len(h.said)-1]; !strings.Contains(last, `"pid": 999`) {
			t.Errorf("the last one is old: %s", last)
		}
	})
}

func TestAFailureIsSaidAsTheResult(t *testing.T) {
	h := newHouse(t)
	h.views = []*event.View{view("T1")}
	i := NewInfo(h.handler)
	i.Changed("T1", []event.Change{{To: event.Failed}})
	i.Changed("T2", nil)
	i.Flush()
	if len(h.said) != 1 || !strings.Contains(h.said[0], `"result": "failed"`) {
		t.Errorf("said %q", h.said)
	}
}
