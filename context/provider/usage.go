package provider

import (
	"strings"

	"zmicroservices/context/command"
	"zmicroservices/context/sample"
)

// usageOf is what a tree of processes costs in the handlers' words. With no process it
// says why.
func usageOf(t *sample.Tree, s command.Settings) *command.Usage {
	if err := t.Err(); err != nil {
		return &command.Usage{Error: err.Error()}
	}
	all := t.Processes()
	u := oneOf(all[0], s)
	if s.OpenedFiles {
		u.OpenedFiles = make([]command.OpenedFile, len(all[0].OpenFiles))
		for i, f := range all[0].OpenFiles {
			u.OpenedFiles[i] = command.OpenedFile{FD: int(f.Fd), Path: f.Path}
		}
	}
	if s.MemoryMaps {
		u.MemoryMaps = mapsOf(all[0])
	}
	for _, p := range all[1:] {
		u.Children = append(u.Children, oneOf(p, s))
	}
	return &u
}

func oneOf(p *sample.Process, s command.Settings) command.Usage {
	u := command.Usage{
		PID: int(p.PID), RSS: p.Memory.RSS, VMS: p.Memory.VMS, Percent: float64(p.MemoryPercent), CPUPercent: p.CPUPercent,
		FDs: int(p.NumFDs), Threads: int(p.NumThreads), Age: p.Age(), Error: gaps(p),
	}
	if s.Connections {
		u.Connections = map[string]int{}
		for i := range p.Connections {
			if c := &p.Connections[i]; sample.IsInet(c) {
				u.Connections[c.Status]++
			}
		}
	}
	return u
}

// gaps tells in a line what could not be had.
func gaps(p *sample.Process) string {
	var text []string
	for _, g := range p.Missing {
		text = append(text, g.Error())
	}
	return strings.Join(text, "; ")
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
