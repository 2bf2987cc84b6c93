package provider

import (
	"strings"

	"zmicroservices/context/command"
	"zmicroservices/context/event"
	"zmicroservices/context/sample"
)

// costOf is what a tree of processes costs in the words of all. With no process it
// says why.
func costOf(t *sample.Tree) *event.Cost {
	c := &event.Cost{At: t.At()}
	if err := t.Err(); err != nil {
		c.Error = err.Error()
		return c
	}
	for i, p := range t.Processes() {
		one := event.ProcessCost{
			PID: int(p.PID), Parent: int(p.PPID), Name: p.Name, RSS: int64(p.Memory.RSS), VMS: int64(p.Memory.VMS),
			Memory: float64(p.MemoryPercent), CPU: p.CPUPercent, FDs: int(p.NumFDs), Threads: int(p.NumThreads),
			Age: p.Age().Seconds(), Connections: connectionsOf(p, t.Want),
		}
		if i == 0 {
			c.ProcessCost, c.Error = one, gaps(p)
		} else {
			c.Children = append(c.Children, one)
		}
	}
	return c
}

// connectionsOf counts them by status; nil if nobody asked. Those that stay on the
// machine by their kind, unix sockets, are no connections here, as with psutil.
func connectionsOf(p *sample.Process, w sample.Want) map[string]int {
	if w&sample.Connections == 0 {
		return nil
	}
	by := map[string]int{}
	for i := range p.Connections {
		if c := &p.Connections[i]; sample.IsInet(c) {
			by[c.Status]++
		}
	}
	return by
}

// gaps tells in a line what could not be had.
func gaps(p *sample.Process) string {
	text := make([]string, len(p.Missing))
	for i, g := range p.Missing {
		text[i] = g.Error()
	}
	return strings.Join(text, "; ")
}

// usageOf is a tree's cost with what a report tells beyond it.
func usageOf(t *sample.Tree, c *event.Cost, s command.Settings) *command.Usage {
	u := &command.Usage{Cost: c}
	if t.Err() != nil {
		return u
	}
	p := t.Processes()[0]
	if s.OpenedFiles {
		u.OpenedFiles = make([]command.OpenedFile, len(p.OpenFiles))
		for i, f := range p.OpenFiles {
			u.OpenedFiles[i] = command.OpenedFile{FD: int(f.Fd), Path: f.Path}
		}
	}
	if s.MemoryMaps {
		u.MemoryMaps = mapsOf(p)
	}
	return u
}

func mapsOf(p *sample.Process) []command.MemoryMap {
	const kibi = 1 << 10
	out := make([]command.MemoryMap, len(p.MemoryMaps))
	for i, m := range p.MemoryMaps {
		out[i] = command.MemoryMap{
			Path: m.Path, RSS: m.Rss * kibi, Size: m.Size * kibi, PSS: m.Pss * kibi,
			SharedClean: m.SharedClean * kibi, SharedDirty: m.SharedDirty * kibi,
			PrivateClean: m.PrivateClean * kibi, PrivateDirty: m.PrivateDirty * kibi,
			Referenced: m.Referenced * kibi, Anonymous: m.Anonymous * kibi, Swap: m.Swap * kibi,
		}
	}
	return out
}
