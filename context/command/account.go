package command

import (
	"math"
	"time"

	"zmicroservices/context/event"
	"zmicroservices/taskservice/message"
)

// Detail is what is told of processes beyond the plain figures.
type Detail struct {
	Connections bool `json:"open_connections,omitempty"`
	OpenedFiles bool `json:"opened_files,omitempty"`
	MemoryMaps  bool `json:"memory_maps,omitempty"`
}

// Account is all that is known of a task service's processes.
type Account struct {
	Task    *event.TaskView
	At      time.Time
	Elapsed time.Duration // it took to read them

	Relative             // its own process
	CPU      float64     // 100 is one core
	Children []Relative  // its descendants, parents first
	Threads  []Relative  // of its own process, the main one included
	Sockets  []Socket    // TCP and UDP; nil: not asked for
	Files    []File      // regular ones; nil: not asked for
	Mappings []MemoryMap // by path; nil: not asked for
}

// Relative is a process or a thread; a thread has its process' memory.
type Relative struct {
	PID     int
	Status  string    // psutil's word
	Began   time.Time // its creation
	RSS     int64     // bytes
	VMS     int64     // bytes
	Percent float64   // RSS of physical memory
}

// Socket is a TCP or UDP socket.
type Socket struct {
	FD           int
	Family, Type int // as in socket(2)
	Local, Peer  Address
	Status       string // ESTABLISHED, LISTEN, …, NONE
}

// Address is an end of a Socket; the zero value is none.
type Address struct {
	IP   string
	Port int
}

// File is an open regular file.
type File struct {
	Path     string
	FD       int
	Position int64
	Mode     string // r, w, a, r+, a+
	Flags    int    // as in open(2)
}

// payload is an account in the original's words: what psutil has, memory in MiB, the
// keys in the order in which the original writes them, and cpu_percent. who is the
// task service's id; a reply to top leaves it empty.
func (a *Account) payload(who string) message.Ordered {
	children := make([]any, 0, len(a.Children)+len(a.Threads))
	total := a.Relative
	for _, c := range a.Children {
		total.RSS, total.VMS, total.Percent = total.RSS+c.RSS, total.VMS+c.VMS, total.Percent+c.Percent
		children = append(children, c.payload())
	}
	for _, t := range a.Threads {
		children = append(children, t.payload())
	}
	o := message.Ordered{
		{Key: "status", Value: a.Status}, {Key: "rss", Value: mebi(a.RSS)}, {Key: "vms", Value: mebi(a.VMS)},
		{Key: "percent", Value: a.Percent}, {Key: "cpu_percent", Value: round(a.CPU, 100)},
		{Key: "children", Value: children},
		{Key: "total", Value: message.Ordered{
			{Key: "percent", Value: total.Percent}, {Key: "rss", Value: mebi(total.RSS)}, {Key: "vms", Value: mebi(total.VMS)},
		}},
	}
	if a.Sockets != nil {
		o = append(o, message.Pair{Key: "connections", Value: listOf(a.Sockets, Socket.payload)})
	}
	if a.Files != nil {
		o = append(o, message.Pair{Key: "opened_files", Value: listOf(a.Files, File.payload)})
	}
	if a.Mappings != nil {
		o = append(o, message.Pair{Key: "memory_map", Value: listOf(a.Mappings, MemoryMap.payload)})
	}
	return append(o,
		message.Pair{Key: "elapsed", Value: a.Elapsed.Seconds()},
		message.Pair{Key: "serviceId", Value: who},
		message.Pair{Key: "timestamp", Value: epoch(a.At)},
	)
}

func (r Relative) payload() message.Ordered {
	return message.Ordered{
		{Key: "status", Value: r.Status}, {Key: "pid", Value: r.PID}, {Key: "create_time", Value: epoch(r.Began)},
		{Key: "rss", Value: mebi(r.RSS)}, {Key: "vms", Value: mebi(r.VMS)}, {Key: "percent", Value: r.Percent},
	}
}

func (s Socket) payload() any {
	return single("fd", s.FD, "family", s.Family, "type", s.Type,
		"laddr", s.Local.payload(), "raddr", s.Peer.payload(), "status", s.Status)
}

func (a Address) payload() []any {
	if a == (Address{}) {
		return []any{}
	}
	return []any{a.IP, a.Port}
}

func (f File) payload() any {
	return single("path", f.Path, "fd", f.FD, "position", f.Position, "mode", f.Mode, "flags", f.Flags)
}

func (m MemoryMap) payload() any {
	return single("path", m.Path, "rss", m.RSS, "size", m.Size, "pss", m.PSS,
		"shared_clean", m.SharedClean, "shared_dirty", m.SharedDirty,
		"private_clean", m.PrivateClean, "private_dirty", m.PrivateDirty,
		"referenced", m.Referenced, "anonymous", m.Anonymous, "swap", m.Swap)
}

// single is the original's form of a psutil tuple: a list of objects with one key each.
func single(pairs ...any) []any {
	list := make([]any, 0, len(pairs)/2)
	for i := 0; i < len(pairs); i += 2 {
		list = append(list, map[string]any{pairs[i].(string): pairs[i+1]})
	}
	return list
}

func listOf[T any](all []T, payload func(T) any) []any {
	list := make([]any, len(all))
	for i, one := range all {
		list[i] = payload(one)
	}
	return list
}

// epoch is a time as Python has it: seconds, with a fraction of microseconds.
func epoch(t time.Time) float64 { return math.Round(float64(t.UnixMicro())) / 1e6 }
