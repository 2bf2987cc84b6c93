package command

import (
	"fmt"
	"testing"

	"zmicroservices/context/event"
)

// BenchmarkReport makes the message about 500 services.
func BenchmarkReport(b *testing.B) {
	v := &event.View{Transaction: "T1"}
	r := Reading{Services: map[event.TaskID]*Usage{}, Self: []SelfUsage{{Process: "provider"}, {Process: "keeper"}}}
	for i := range 500 {
		id := event.TaskID(fmt.Sprintf("ts%03d", i))
		v.Tasks = append(v.Tasks, &event.TaskView{ID: id, Instance: "Echo", State: event.Started})
		r.Services[id] = &Usage{Cost: &event.Cost{ProcessCost: event.ProcessCost{
			PID: 1000 + i, RSS: 1 << 20, VMS: 2 << 20, Memory: 0.0123, CPU: 0.25, FDs: 3, Threads: 1, Age: 12.345, Connections: map[string]int{"ESTABLISHED": 2},
		}}}
	}
	b.ReportAllocs()
	var frame []byte
	for b.Loop() {
		var err error
		if frame, err = report("context001", v, r).AppendFrame(frame[:0]); err != nil {
			b.Fatal(err)
		}
	}
}
