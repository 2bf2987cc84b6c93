package sample

import (
	"fmt"
	"testing"
	"time"

	"zmicroservices/test/harness"
)

// BenchmarkProvider is a provider with 500 idle services: CPU seconds a minute of it and
// its keeper, the report encoded and sent to a subscriber.
func BenchmarkProvider(b *testing.B) {
	const services, span = 500, 20 * time.Second
	var tasks []harness.Task
	for i := range services {
		tasks = append(tasks, harness.Task{ID: fmt.Sprintf("ts%03d", i), Command: "/bin/sleep 1000000"})
	}
	for _, interval := range []string{"0", "5s", "1s"} {
		b.Run("interval="+interval, func(b *testing.B) {
			p := harness.Start(b, harness.Write(b, harness.File{Tasks: tasks}), "--monitor_interval="+interval)
			if r := p.Command("start", p.File); r.Code != 0 {
				b.Fatalf("start: %+v", r)
			}
			reader := harness.Subscriber(b, p.Subscribe, "context")
			if interval != "0" { // the first look finds everything
				if err := reader.Skip(); err != nil {
					b.Fatal(err)
				}
			}
			read := make(chan int, 1) // one number comes
			go func() {               // ends with the connection
				n := 0
				for reader.Skip() == nil {
					n++
				}
				read <- n
			}()
			<-time.After(2 * time.Second) // what the start has left to do
			before := clock(p.PID) + clock(p.Keeper)
			<-time.After(span)
			used := time.Duration(clock(p.PID) + clock(p.Keeper) - before)
			_ = reader.Close()
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(float64(<-read), "reports")
			b.ReportMetric(used.Seconds()*60/span.Seconds(), "CPU-s/min")
		})
	}
}
