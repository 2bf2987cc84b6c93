package event

import "fmt"

// Origin is the kind of source that a cause comes from.
type Origin string

// The origins of what a supervisor does.
const (
	ByOperator   Origin = "operator"   // a command from the bus, the control socket or a flag
	ByTransition Origin = "transition" // on_start, on_update, on_fail, on_exit of a task service
	ByPolicy     Origin = "policy"     // a restart policy
	ByProcess    Origin = "process"    // what the service itself did: a word of its own, an exit
	ByDeadline   Origin = "deadline"   // a time that passed
	ByProvider   Origin = "provider"   // a process that could not be made
	BySchedule   Origin = "schedule"   // a time of its schedule
	ByShutdown   Origin = "shutdown"   // the provider ends
	ByProbe      Origin = "probe"      // a startup, readiness or liveness probe
	ByLimit      Origin = "limit"      // what it costs: a <limit> of its file judges it, or it grows towards one
	ByFlow       Origin = "flow"       // what it publishes, or does not, as an <expect> of its file judges it
	ByDependency Origin = "dependency" // another task service depends on it, or it on another
)

// Cause says why something was done. Causes form chains: Parent is the Seq of
// the Change that called for this one, and Root that of the first of the chain.
type Cause struct {
	Origin  Origin `json:"origin"`
	By      string `json:"by,omitempty"`      // who, in words: "uid 0 pid 4711", "on_fail of ts001"
	Parent  uint64 `json:"parent,omitempty"`  // Seq of the Change that led here; 0: none
	Root    uint64 `json:"root,omitempty"`    // Seq of the first Change of the chain; 0: this is the first
	Request string `json:"request,omitempty"` // request_id of the command that began the chain
}

func (c Cause) String() string {
	if c.By == "" {
		return string(c.Origin)
	}
	return fmt.Sprintf("%s %s", c.Origin, c.By)
}

// IsZero tells a cause that nobody filled in: a fault of the program.
func (c Cause) IsZero() bool { return c.Origin == "" }
