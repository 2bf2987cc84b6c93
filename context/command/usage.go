package command

import (
	"math"
	"slices"
	"strings"

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

// Report says on the bus what a transaction costs, if anybody hears it. It is called
// from one goroutine at a time.
func (h *Handler) Report(v *event.View, r Reading) {
	if !h.opts.Bus.Wanted(message.TopicContext) {
		return
	}
	frame, err := report(h.opts.Own.ContextID, v, r).AppendFrame(h.reported[:0])
	if err == nil {
		h.reported = frame
	}
	h.publish(frame, err)
}

// report is the message.
func report(contextID string, v *event.View, r Reading) message.Usage {
	return message.Usage{
		Header: message.Header{
			Action: message.ActionMonitor, ServiceID: contextID, ServiceName: "context", Transaction: string(v.Transaction),
		},
		Data: entries(v, r),
	}
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
	data[0] = object(append(figures(&total),
		message.Pair{Key: "kind", Value: "transaction"}, message.Pair{Key: "services", Value: len(v.Tasks)},
		message.Pair{Key: "running", Value: running}, message.Pair{Key: "processes", Value: len(sum.Children)}))
	for i := range r.Self {
		data = append(data, selfEntry(&r.Self[i]))
	}
	return data
}

func serviceEntry(t *event.TaskView, u *Usage) message.Ordered {
	children := make([]any, len(u.Children))
	for i, c := range u.Children {
		children[i] = message.Ordered{{Key: "cpu_percent", Value: round(c.CPU, 100)}, {Key: "pid", Value: c.PID}, {Key: "rss", Value: mebi(c.RSS)}}
	}
	total := u.Total()
	var pid any
	processes := 0
	if u.PID > 0 {
		pid, processes = u.PID, 1+len(u.Children)
	}
	o := append(figures(&u.ProcessCost),
		message.Pair{Key: "kind", Value: "service"}, message.Pair{Key: "service_id", Value: string(t.ID)},
		message.Pair{Key: "instance", Value: t.Instance}, message.Pair{Key: "state", Value: t.State.String()},
		message.Pair{Key: "restarts", Value: t.Restarts}, message.Pair{Key: "uptime_s", Value: round(u.Age, 1000)},
		message.Pair{Key: "pid", Value: pid}, message.Pair{Key: "children", Value: children},
		message.Pair{Key: "total", Value: object(append(figures(&total), message.Pair{Key: "processes", Value: processes}))})
	if u.OpenedFiles != nil {
		o = append(o, message.Pair{Key: "opened_files", Value: u.OpenedFiles})
	}
	if u.MemoryMaps != nil {
		o = append(o, message.Pair{Key: "memory_maps", Value: u.MemoryMaps})
	}
	return object(failing(o, u.Error))
}

func selfEntry(u *SelfUsage) message.Ordered {
	o := append(figures(&u.ProcessCost),
		message.Pair{Key: "kind", Value: "self"}, message.Pair{Key: "process", Value: u.Process},
		message.Pair{Key: "pid", Value: u.PID}, message.Pair{Key: "uptime_s", Value: round(u.Age, 1000)},
		message.Pair{Key: "queues", Value: u.Queues}, message.Pair{Key: "drops", Value: u.Drops})
	if u.Goroutines > 0 {
		o = append(o, message.Pair{Key: "goroutines", Value: u.Goroutines})
	}
	return object(failing(o, u.Error))
}

// failing adds what could not be had.
func failing(o message.Ordered, why string) message.Ordered {
	if why == "" {
		return o
	}
	return append(o, message.Pair{Key: "error", Value: why})
}

// object puts the pairs into the order of the wire. Pairs and not a map: there are
// some thousands of them in a report of many services.
func object(o message.Ordered) message.Ordered {
	slices.SortFunc(o, func(a, b message.Pair) int { return strings.Compare(a.Key, b.Key) })
	return o
}

// figures are what all kinds have.
func figures(u *event.ProcessCost) message.Ordered {
	o := append(make(message.Ordered, 0, 20),
		message.Pair{Key: "rss", Value: mebi(u.RSS)}, message.Pair{Key: "vms", Value: mebi(u.VMS)},
		message.Pair{Key: "percent", Value: round(u.Memory, 10000)}, message.Pair{Key: "cpu_percent", Value: round(u.CPU, 100)},
		message.Pair{Key: "num_fds", Value: u.FDs}, message.Pair{Key: "num_threads", Value: u.Threads})
	if u.Connections != nil {
		by := make(message.Ordered, 0, len(u.Connections))
		for state, n := range u.Connections {
			by = append(by, message.Pair{Key: state, Value: n})
		}
		o = append(o, message.Pair{Key: "connections", Value: object(by)})
	}
	return o
}

// mebi is the original's unit: 2^20 bytes.
func mebi(bytes int64) float64 { return float64(bytes) / (1 << 20) }

func round(v, parts float64) float64 { return math.Round(v*parts) / parts }
