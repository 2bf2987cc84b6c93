package command

import (
	"math"

	"zmicroservices/context/event"
	"zmicroservices/taskservice/message"
)

// Usage is what a task service costs, with what only a report tells.
type Usage struct {
	*event.Cost
	OpenedFiles []OpenedFile // of its own process; nil: not asked for
	MemoryMaps  []MemoryMap  // of its own process; nil: not asked for
}

// OpenedFile is a descriptor and what it leads to.
type OpenedFile struct {
	FD   int    `json:"fd"`
	Path string `json:"path"`
}

// MemoryMap is one mapping; its sizes are in bytes.
type MemoryMap struct {
	Path         string `json:"path"`
	RSS          uint64 `json:"rss"`
	Size         uint64 `json:"size"`
	PSS          uint64 `json:"pss"`
	SharedClean  uint64 `json:"shared_clean"`
	SharedDirty  uint64 `json:"shared_dirty"`
	PrivateClean uint64 `json:"private_clean"`
	PrivateDirty uint64 `json:"private_dirty"`
	Referenced   uint64 `json:"referenced"`
	Anonymous    uint64 `json:"anonymous"`
	Swap         uint64 `json:"swap"`
}

// SelfUsage is what a process of ours costs.
type SelfUsage struct {
	event.ProcessCost
	Process    string            // provider or keeper
	Error      string            // what could not be had, and why
	Goroutines int               // 0: not known
	Queues     map[string]int64  // what waits now
	Drops      map[string]uint64 // what was dropped since its start
}

// Reading is what a transaction costs: its services by id, of which those that have no
// process are missing, and ourselves.
type Reading struct {
	Services map[event.TaskID]*Usage
	Self     []SelfUsage
}

// Report says on the bus what a transaction costs.
func (h *Handler) Report(v *event.View, r Reading) {
	if !h.opts.Bus.Wanted(message.TopicContext) {
		return
	}
	m := message.Usage{
		Header: message.Header{
			Action: message.ActionMonitor, ServiceID: h.opts.Own.ContextID, ServiceName: "context", Transaction: string(v.Transaction),
		},
		Data: entries(v, r),
	}
	h.publish(m.AppendFrame(nil))
}

// entries are the objects of a report: the transaction, its services in their order,
// and ourselves.
func entries(v *event.View, r Reading) []any {
	data := make([]any, 1, 1+len(v.Tasks)+len(r.Self))
	var sum event.Cost
	running := 0
	for _, t := range v.Tasks {
		u := r.Services[t.ID]
		if u == nil {
			u = &Usage{Cost: &event.Cost{}}
		}
		if u.PID > 0 {
			running++
			sum.Children = append(append(sum.Children, u.ProcessCost), u.Children...)
		}
		data = append(data, serviceEntry(t, u))
	}
	total := sum.Total()
	whole := figures(&total)
	whole["kind"], whole["services"], whole["running"], whole["processes"] = "transaction", len(v.Tasks), running, len(sum.Children)
	data[0] = whole
	for i := range r.Self {
		data = append(data, selfEntry(&r.Self[i]))
	}
	return data
}

func serviceEntry(t *event.TaskView, u *Usage) map[string]any {
	o := figures(&u.ProcessCost)
	o["kind"], o["service_id"], o["instance"], o["state"] = "service", string(t.ID), t.Instance, t.State.String()
	o["restarts"], o["uptime_s"] = t.Restarts, round(u.Age, 1000)
	children := make([]any, len(u.Children))
	for i, c := range u.Children {
		children[i] = map[string]any{"pid": c.PID, "rss": mebi(c.RSS), "cpu_percent": round(c.CPU, 100)}
	}
	o["children"] = children
	total := u.Total()
	sum := figures(&total)
	o["pid"], sum["processes"] = nil, 0
	if u.PID > 0 {
		o["pid"], sum["processes"] = u.PID, 1+len(u.Children)
	}
	o["total"] = sum
	if u.OpenedFiles != nil {
		o["opened_files"] = u.OpenedFiles
	}
	if u.MemoryMaps != nil {
		o["memory_maps"] = u.MemoryMaps
	}
	if u.Error != "" {
		o["error"] = u.Error
	}
	return o
}

func selfEntry(u *SelfUsage) map[string]any {
	o := figures(&u.ProcessCost)
	o["kind"], o["process"], o["pid"], o["uptime_s"] = "self", u.Process, u.PID, round(u.Age, 1000)
	if u.Goroutines > 0 {
		o["goroutines"] = u.Goroutines
	}
	o["queues"], o["drops"] = u.Queues, u.Drops
	if u.Error != "" {
		o["error"] = u.Error
	}
	return o
}

// figures are what all kinds have.
func figures(u *event.ProcessCost) map[string]any {
	o := map[string]any{
		"rss": mebi(u.RSS), "vms": mebi(u.VMS), "percent": round(u.Memory, 10000), "cpu_percent": round(u.CPU, 100),
		"num_fds": u.FDs, "num_threads": u.Threads,
	}
	if u.Connections != nil {
		o["connections"] = u.Connections
	}
	return o
}

// mebi is the original's unit: 2^20 bytes.
func mebi(bytes int64) float64 { return float64(bytes) / (1 << 20) }

func round(v, parts float64) float64 { return math.Round(v*parts) / parts }
