package conf

import (
	"fmt"
	"time"
)

// Monitor is our <monitor> element: how the cost of the services is measured.
type Monitor struct {
	Pos         Pos           `json:"-"`
	Interval    time.Duration // 0 is off
	Connections bool
	OpenedFiles bool
	MemoryMaps  bool
}

// DefaultMonitorInterval is the time between two reports where nothing else is said.
const DefaultMonitorInterval = 5 * time.Second

// leastInterval bounds what may be asked for: below it a report costs more than it
// tells, CPU clocks being coarse.
const leastInterval = 100 * time.Millisecond

// CheckMonitorInterval judges an interval of a file, a flag or a message; 0 is off.
func CheckMonitorInterval(d time.Duration) error {
	if d != 0 && d < leastInterval {
		return fmt.Errorf("is too short; at least %v, or 0 for off", leastInterval)
	}
	return nil
}

func (r *reader) monitor(n *node, m Monitor) Monitor {
	m.Pos = n.pos
	read(r, n, "interval", &m.Interval, func(s string) (time.Duration, error) {
		d, err := parseDuration(s)
		if err != nil {
			return 0, err
		}
		return d, CheckMonitorInterval(d)
	})
	read(r, n, "connections", &m.Connections, asBool)
	read(r, n, "opened_files", &m.OpenedFiles, asBool)
	read(r, n, "memory_maps", &m.MemoryMaps, asBool)
	return m
}
