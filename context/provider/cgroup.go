package provider

import (
	"zmicroservices/conf"
	"zmicroservices/context/keeper"
)

// cgroup is what a task service asks of a control group. One with attributes gets a
// group even if it asks for no limit: it pays for a process of its own beginning anyway,
// and whoever is given to another user is whom one wants to be sure of having ended.
func cgroup(p *conf.Process, a *keeper.Attributes) *keeper.Cgroup {
	l := &p.Limits
	if a == nil && l.Memory == 0 && l.CPU == 0 && l.PIDs == 0 {
		return nil
	}
	return &keeper.Cgroup{Memory: l.Memory, CPU: l.CPU, PIDs: l.PIDs}
}
