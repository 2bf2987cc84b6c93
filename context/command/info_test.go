package command

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"zmicroservices/context/event"
	"zmicroservices/taskservice/message"
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

func TestContextInfoThatNobodyHearsIsNotMade(t *testing.T) {
	h := newHouse(t)
	h.views = []*event.View{view("T1")}
	i := NewInfo(h.handler)
	i.Changed("T1", []event.Change{{To: event.Started}})
	i.Flush()
	h.deaf = true
	i.Changed("T1", []event.Change{{To: event.Started}})
	i.Flush()
	if len(h.said) != 1 || len(h.handler.pictures.of) != 0 {
		t.Errorf("said %q, %d pictures are kept", h.said, len(h.handler.pictures.of))
	}
	h.deaf = false
	i.Changed("T1", []event.Change{{To: event.Started}})
	i.Flush()
	if len(h.said) != 2 {
		t.Errorf("heard again: said %q", h.said)
	}
}

func TestContextInfoOfPicturesIsThatOfTheView(t *testing.T) {
	h := newHouse(t)
	v := view("T1")
	i := NewInfo(h.handler)
	for n := range 3 {
		if n > 0 { // one changes, the others are shared
			tasks := slices.Clone(v.Tasks)
			changed := *tasks[0]
			changed.PID, changed.Action = 100+n, "updated"
			tasks[0] = &changed
			v = &event.View{Transaction: "T1", Tasks: tasks}
		}
		h.views = []*event.View{v}
		i.Changed("T1", []event.Change{{To: event.Started}})
		i.Flush()
		var tasks []any
		for _, task := range v.Tasks {
			tasks = append(tasks, taskInfo(task, "T1"))
		}
		info := h.handler.contextInfo(v)
		info["tasks"] = tasks
		want, err := message.Control{
			Header: message.Header{Action: "update", ServiceID: "context001", ServiceName: "context", Transaction: "T1"},
			Status: map[string]any{"device_action": "context_info", "result": "success", "data": []any{map[string]any{"T1": info}}},
		}.Frame()
		if err != nil {
			t.Fatal(err)
		}
		if got := h.said[len(h.said)-1]; got != string(want) {
			t.Errorf("said\n%s\nwant\n%s", got, want)
		}
	}
	h.views = nil
	i.Changed("T1", []event.Change{{To: event.Stopped}})
	i.Flush()
	if n := len(h.handler.pictures.of); n != 0 {
		t.Errorf("%d pictures are kept of what is not shown any more", n)
	}
}
