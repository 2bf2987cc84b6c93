package herald

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"zmicroservices/context/event"
)

// BenchmarkAThousandStarts is what it costs that a thousand task services start while
// nobody listens.
func BenchmarkAThousandStarts(b *testing.B) {
	v := &event.View{Transaction: "T"}
	for n := range 1000 {
		v.Tasks = append(v.Tasks, &event.TaskView{
			ID: event.TaskID(fmt.Sprintf("ts%04d", n)), Instance: "Pump", ServiceName: "pump", State: event.Started, Present: true, Incarnation: 1, PID: 1,
		})
	}
	w := &world{deaf: true}
	for b.Loop() {
		h, err := New(Options{
			Host: "edge7", Version: "9", Ping: time.Minute, Alive: time.Hour, Bus: w, Logger: slog.New(slog.DiscardHandler),
			View: func(event.TransactionID) *event.View { return v }, Views: func() []*event.View { return []*event.View{v} },
			ConfigID: func(r event.Ref) string { return "c/" + string(r.Task) },
		})
		if err != nil {
			b.Fatal(err)
		}
		for _, t := range v.Tasks {
			h.Record(event.Change{Transaction: "T", Task: t.ID, Incarnation: 1, From: event.Starting, To: event.Started, Event: "ready"})
		}
		h.work()
	}
}
