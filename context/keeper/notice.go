package keeper

import (
	"strconv"
	"strings"
	"time"
)

// Notice is all that a service has told of itself so far, by sd_notify(3). READY=1,
// STATUS=, STOPPING=1, WATCHDOG=1 and EXTEND_TIMEOUT_USEC= are heard, and BARRIER=1 is
// answered. MAINPID= is not: a service is what was spawned.
type Notice struct {
	Ready    bool   `json:"ready,omitempty"`
	Stopping bool   `json:"stopping,omitempty"`
	Status   string `json:"status,omitempty"` // at most maxStatus bytes
	// Overdue: Client.Watchdog's time has passed without WATCHDOG=1, or the service
	// said WATCHDOG=trigger.
	Overdue bool `json:"overdue,omitempty"`
	// Extend is as much time as it asked for, from when it said so. A stop recipe under
	// way grants it.
	Extend time.Duration `json:"extend,omitempty"`
}

const (
	maxStatus = 1 << 10
	maxExtend = 24 * time.Hour
)

// hear takes one message: assignments, a line each. What it does not know is passed
// over, as sd_notify(3) wants it. ping says that the service is alive.
func (n *Notice) hear(text string) (ping bool) {
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		switch key {
		case "READY":
			n.Ready = n.Ready || value == "1"
		case "STOPPING":
			n.Stopping = n.Stopping || value == "1"
		case "STATUS":
			if len(value) > maxStatus {
				value = value[:maxStatus]
			}
			n.Status = strings.ToValidUTF8(value, "\uFFFD")
		case "WATCHDOG":
			n.Overdue = n.Overdue || value == "trigger"
			ping = ping || value == "1"
		case "EXTEND_TIMEOUT_USEC":
			if usec, err := strconv.ParseUint(value, 10, 64); err == nil {
				n.Extend = time.Duration(min(usec, uint64(maxExtend/time.Microsecond))) * time.Microsecond
			}
		}
	}
	return ping
}
