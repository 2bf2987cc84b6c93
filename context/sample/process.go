package sample

import (
	"github.com/shirou/gopsutil/v3/cpu"
	"github.com/shirou/gopsutil/v3/net"
	"github.com/shirou/gopsutil/v3/process"
)

// Want is what is read of a process beyond state, memory, CPU, number of threads and
// descriptors, and children.
type Want uint8

// What may be wanted.
const (
	Connections Want = 1 << iota // sockets: TCP, UDP, unix
	OpenFiles                    // every descriptor and what it leads to
	Threads                      // each with its times
	IO                           // bytes and calls
	Switches                     // of context
	PSS                          // proportional set size, by a worker
	MemoryMaps                   // by a worker
)

// Everything is all that there is.
const Everything = Connections | OpenFiles | Threads | IO | Switches | PSS | MemoryMaps

// Process is what a tick has read of one process. It is the sampler's: it is good
// until the next Tick of its tree.
type Process struct {
	PID, PPID  int32
	Name       string
	Ticks      uint64 // its start, in clock ticks since boot: with PID it names the process for ever
	CreateTime int64  // milliseconds since the epoch
	Status     string // gopsutil's word: sleep, running, blocked, stop, zombie, …
	Letter     byte   // the kernel's: S, R, D, T, Z, … (proc_pid_stat(5))

	Memory        process.MemoryInfoStat // RSS and VMS, bytes
	MemoryPercent float32                // RSS of physical memory
	PSS           uint64                 // bytes

	Times      cpu.TimesStat // seconds since its start, in clock ticks
	CPUPercent float64       // 100 is one core; since the tick before, at first since its start

	NumThreads int32
	Threads    []Thread
	NumFDs     int32
	OpenFiles  []process.OpenFilesStat // every descriptor, as gopsutil lists them

	Connections []net.ConnectionStat
	MemoryMaps  []process.MemoryMapsStat // KiB

	IO       process.IOCountersStat
	Switches process.NumCtxSwitchesStat // of its main thread, as there

	Missing []Gap
}

// Thread is one thread of a process.
type Thread struct {
	TID    int32
	Letter byte
	Ticks  uint64 // its start, in clock ticks since boot
	Times  cpu.TimesStat
}

// Gap is something that could not be read.
type Gap struct {
	What string // "descriptors", "sockets", …
	Err  error
}

func (g Gap) Error() string { return g.What + ": " + g.Err.Error() }
func (g Gap) Unwrap() error { return g.Err }

// Zombie says that it has ended and its parent has not asked how.
func (p *Process) Zombie() bool { return p.Letter == 'Z' }

// miss notes what could not be read.
func (p *Process) miss(what string, err error) {
	for i, g := range p.Missing {
		if g.What == what {
			p.Missing[i].Err = err
			return
		}
	}
	p.Missing = append(p.Missing, Gap{what, err})
}

// word is gopsutil's for a letter of the kernel.
func word(letter byte) string {
	switch letter {
	case 'R':
		return process.Running
	case 'S':
		return process.Sleep
	case 'D':
		return process.Blocked
	case 'I':
		return process.Idle
	case 'T', 't':
		return process.Stop
	case 'Z':
		return process.Zombie
	case 'W':
		return process.Wait
	default:
		return process.UnknownState
	}
}
