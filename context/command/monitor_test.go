package command

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"zmicroservices/conf"
	"zmicroservices/context/event"
	"zmicroservices/taskservice/message"
)

// meter remembers what it was asked for.
type meter map[event.TransactionID]Settings

func (m meter) Monitor(id event.TransactionID, s Settings) { m[id] = s }

func (m meter) Accounts(context.Context, event.TransactionID, Detail) ([]Account, error) {
	return nil, nil
}
func (m meter) Publish(Publication) error { return nil }

func TestMonitoringIsAskedForWithTheFilesSettings(t *testing.T) {
	file := Settings{Interval: 2 * time.Second, Connections: true, MemoryMaps: true}
	for configuration, want := range map[string]Settings{
		"":                                      file,
		`"TaskService": []`:                     file,
		`"interval": "250ms"`:                   {Interval: 250 * time.Millisecond, Connections: true, MemoryMaps: true},
		`"interval": 1.5, "memory_maps": false`: {Interval: 1500 * time.Millisecond, Connections: true},
		`"interval": "3", "connections": "false", "opened_files": "true"`: {Interval: 3 * time.Second, OpenedFiles: true, MemoryMaps: true},
	} {
		h, m := newHouse(t), meter{}
		h.views = []*event.View{view("T1")}
		h.handler.opts.Meter = m
		h.handler.opts.Own.Monitor = conf.Monitor{Interval: 2 * time.Second, Connections: true, MemoryMaps: true}
		h.hear(order("monitor_on", "T1", configuration))
		if s := h.result(t); s["result"] != "success" {
			t.Errorf("%s: answered %v", configuration, s)
		}
		if diff := cmp.Diff(want, m["T1"]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", configuration, diff)
		}
		h.hear(order("monitor_off", "T1", configuration))
		if m["T1"] != (Settings{}) {
			t.Errorf("off is %+v", m["T1"])
		}
	}
}

func TestAReportSumsUpWhatServicesCost(t *testing.T) {
	const mib = 1 << 20
	h := newHouse(t)
	v := &event.View{Transaction: "T1", Tasks: []*event.TaskView{
		{ID: "ts001", Instance: "Echo", State: event.Started, Restarts: 3, PID: 7}, {ID: "ts002", Instance: "Echo", State: event.Stopped, PID: 9},
		{ID: "ts003", Instance: "Echo", State: event.Started},
	}}
	h.handler.Report(v, Reading{
		Services: map[event.TaskID]*Usage{
			"ts001": {Cost: &event.Cost{
				ProcessCost: event.ProcessCost{
					PID: 70, RSS: 3 * mib / 2, VMS: 4 * mib, Memory: 0.12345, CPU: 99.999, FDs: 5, Threads: 2, Age: 1.5,
					Connections: map[string]int{"LISTEN": 1, "ESTABLISHED": 2},
				},
				Children: []event.ProcessCost{{PID: 71, RSS: mib, CPU: 1, FDs: 3, Threads: 1, Connections: map[string]int{"ESTABLISHED": 1}}},
			}},
			"ts003": {Cost: &event.Cost{Error: "read process 8: process has ended"}},
		},
		Self: []SelfUsage{{ProcessCost: event.ProcessCost{PID: 1, RSS: mib}, Process: "provider", Goroutines: 4, Queues: map[string]int64{"journal": 2}, Drops: map[string]uint64{"bus_messages": 1}}},
	})
	_, payload, err := message.Split([]byte(h.said[len(h.said)-1]))
	if err != nil {
		t.Fatal(err)
	}
	u, err := message.ParseUsage(payload)
	if err != nil {
		t.Fatal(err)
	}
	if want := (message.Header{Action: "monitor", ServiceID: "context001", ServiceName: "context", Transaction: "T1"}); u.Header != want {
		t.Errorf("header %+v", u.Header)
	}
	got := make([]map[string]any, len(u.Data))
	for i, d := range u.Data {
		got[i], _ = d.(map[string]any)
		for key, v := range got[i] {
			got[i][key] = plain(v)
		}
	}
	none := map[string]any{"rss": 0.0, "vms": 0.0, "percent": 0.0, "cpu_percent": 0.0, "num_fds": 0.0, "num_threads": 0.0, "processes": 0.0}
	want := []map[string]any{
		{
			"kind": "transaction", "services": 3.0, "running": 1.0, "processes": 2.0, "rss": 2.5, "vms": 4.0, "percent": 0.1235,
			"cpu_percent": 101.0, "num_fds": 8.0, "num_threads": 3.0, "connections": map[string]any{"LISTEN": 1.0, "ESTABLISHED": 3.0},
		},
		{
			"kind": "service", "service_id": "ts001", "instance": "Echo", "state": "started", "pid": 70.0, "uptime_s": 1.5, "restarts": 3.0,
			"rss": 1.5, "vms": 4.0, "percent": 0.1235, "cpu_percent": 100.0, "num_fds": 5.0, "num_threads": 2.0,
			"connections": map[string]any{"LISTEN": 1.0, "ESTABLISHED": 2.0},
			"children":    []any{map[string]any{"pid": 71.0, "rss": 1.0, "cpu_percent": 1.0}},
			"total": map[string]any{
				"rss": 2.5, "vms": 4.0, "percent": 0.1235, "cpu_percent": 101.0, "num_fds": 8.0, "num_threads": 3.0, "processes": 2.0,
				"connections": map[string]any{"LISTEN": 1.0, "ESTABLISHED": 3.0},
			},
		},
		{
			"kind": "service", "service_id": "ts002", "instance": "Echo", "state": "stopped", "pid": nil, "uptime_s": 0.0, "restarts": 0.0,
			"rss": 0.0, "vms": 0.0, "percent": 0.0, "cpu_percent": 0.0, "num_fds": 0.0, "num_threads": 0.0, "children": []any{}, "total": none,
		},
		{
			"kind": "service", "service_id": "ts003", "instance": "Echo", "state": "started", "pid": nil, "uptime_s": 0.0, "restarts": 0.0,
			"rss": 0.0, "vms": 0.0, "percent": 0.0, "cpu_percent": 0.0, "num_fds": 0.0, "num_threads": 0.0, "children": []any{}, "total": none,
			"error": "read process 8: process has ended",
		},
		{
			"kind": "self", "process": "provider", "pid": 1.0, "uptime_s": 0.0, "rss": 1.0, "vms": 0.0, "percent": 0.0, "cpu_percent": 0.0,
			"num_fds": 0.0, "num_threads": 0.0, "goroutines": 4.0, "queues": map[string]any{"journal": 2.0}, "drops": map[string]any{"bus_messages": 1.0},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// plain makes numbers of a decoded value comparable.
func plain(v any) any {
	switch v := v.(type) {
	case interface{ Float64() (float64, error) }:
		n, _ := v.Float64()
		return n
	case map[string]any:
		for key, one := range v {
			v[key] = plain(one)
		}
	case []any:
		for i, one := range v {
			v[i] = plain(one)
		}
	}
	return v
}
