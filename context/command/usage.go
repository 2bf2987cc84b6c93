package command

import (
	"math"
	"time"

	"zmicroservices/context/event"
	"zmicroservices/taskservice/message"
)

// Usage is what one process costs; of a task service it is its own process, as in the
// original's payload, with its descendants as Children.
type Usage struct {
	PID        int
	RSS, VMS   uint64  // bytes
	Percent    float64 // RSS of physical memory
	CPUPercent float64 // 100 is one core
	FDs        int
	Threads    int
	Age        time.Duration // since its start
	// Connections are the sockets of TCP by their state, and those of UDP as NONE; nil:
	// they were not asked for.
	Connections map[string]int
	OpenedFiles []OpenedFile // nil: not asked for
	MemoryMaps  []MemoryMap  // nil: not asked for
	Children    []Usage      // all descendants
	Error       string       // what could not be had, and why
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
	Usage
	Process    string            // provider or keeper
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

// Total is what a process costs with all its descendants.
func (u *Usage) Total() Usage {
	sum := Usage{PID: u.PID, Age: u.Age}
	sum.add(u)
	for i := range u.Children {
		sum.add(&u.Children[i])
	}
	return sum
}

func (u *Usage) add(o *Usage) {
	u.RSS += o.RSS
	u.VMS += o.VMS
	u.Percent += o.Percent
	u.CPUPercent += o.CPUPercent
	u.FDs += o.FDs
	u.Threads += o.Threads
	if o.Connections != nil && u.Connections == nil {
		u.Connections = map[string]int{}
	}
	for state, n := range o.Connections {
		u.Connections[state] += n
	}
}

// Report says on the bus what a transaction costs.
func (h *Handler) Report(v *event.View, r Reading) {
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
	var sum Usage
	running, processes := 0, 0
	for _, t := range v.Tasks {
		u := r.Services[t.ID]
		if u == nil {
			data = append(data, serviceEntry(t, &Usage{}))
			continue
		}
		total := u.Total()
		sum.add(&total)
		if u.PID > 0 {
			running++
			processes += 1 + len(u.Children)
		}
		data = append(data, serviceEntry(t, u))
	}
	whole := figures(&sum)
	whole["kind"], whole["services"], whole["running"], whole["processes"] = "transaction", len(v.Tasks), running, processes
	data[0] = whole
	for i := range r.Self {
		data = append(data, selfEntry(&r.Self[i]))
	}
	return data
}

func serviceEntry(t *event.TaskView, u *Usage) map[string]any {
	o := figures(u)
	o["kind"], o["service_id"], o["instance"], o["state"] = "service", string(t.ID), t.Instance, t.State.String()
	o["restarts"], o["uptime_s"] = t.Restarts, round(u.Age.Seconds(), 1000)
	o["pid"] = nil
	if u.PID > 0 {
		o["pid"] = u.PID
	}
	children := make([]any, len(u.Children))
	for i := range u.Children {
		c := &u.Children[i]
		children[i] = map[string]any{"pid": c.PID, "rss": mebi(c.RSS), "cpu_percent": round(c.CPUPercent, 100)}
	}
	o["children"] = children
	total := u.Total()
	sum := figures(&total)
	sum["processes"] = 0
	if u.PID > 0 {
		sum["processes"] = 1 + len(u.Children)
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
	o := figures(&u.Usage)
	o["kind"], o["process"], o["pid"], o["uptime_s"] = "self", u.Process, u.PID, round(u.Age.Seconds(), 1000)
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
func figures(u *Usage) map[string]any {
	o := map[string]any{
		"rss": mebi(u.RSS), "vms": mebi(u.VMS), "percent": round(u.Percent, 10000), "cpu_percent": round(u.CPUPercent, 100),
		"num_fds": u.FDs, "num_threads": u.Threads,
	}
	if u.Connections != nil {
		o["connections"] = u.Connections
	}
	return o
}

// mebi is the original's unit: 2^20 bytes.
func mebi(bytes uint64) float64 { return float64(bytes) / (1 << 20) }

func round(v, parts float64) float64 { return math.Round(v*parts) / parts }
