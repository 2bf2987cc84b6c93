package cgroup

import (
	"fmt"
	"strconv"
)

// Limits ask for a control group (cgroups(7), version 2) of a slot's own, made
// before its first instruction and removed after its last. What is in it belongs to the
// slot, whatever it does to its environment and its group, and is ended in one stroke.
// Without limits it is made where it can be had; with one that cannot be set the
// spawn fails. 0 is no limit.
type Limits struct {
	Memory int64   `json:"memory,omitempty"` // bytes, memory.max
	CPU    float64 `json:"cpu,omitempty"`    // percent of one processor, cpu.max
	PIDs   int     `json:"pids,omitempty"`   // processes and threads, pids.max
}

// Check refuses what no kernel takes.
func (c *Limits) Check() error {
	if c.Memory < 0 || c.CPU < 0 || c.PIDs < 0 {
		return fmt.Errorf("cgroup limits %+v: one is negative", *c)
	}
	return nil
}

// None says that nothing is limited.
func (c *Limits) None() bool { return len(c.settings()) == 0 }

// settings are the files to write, with the controller that each needs.
func (c *Limits) settings() (all []setting) {
	if c.Memory > 0 {
		all = append(all, setting{"memory", "memory.max", strconv.FormatInt(c.Memory, 10)})
	}
	if c.CPU > 0 {
		const period = 100_000 // microseconds, the kernel's default
		all = append(all, setting{"cpu", "cpu.max", fmt.Sprintf("%d %d", max(1000, int64(c.CPU*period/100)), period)})
	}
	if c.PIDs > 0 {
		all = append(all, setting{"pids", "pids.max", strconv.Itoa(c.PIDs)})
	}
	return all
}

type setting struct{ controller, file, value string }
