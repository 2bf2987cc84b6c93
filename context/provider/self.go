package provider

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"zmicroservices/context/event"
)

// selfClock is the CPU clock of a process of ours when somebody looked.
type selfClock struct {
	pid  int
	used time.Duration
	at   time.Time
	cpu  float64 // percent, before that
}

// provider is what this process costs. What cannot be read is 0.
func (f *figures) provider(now time.Time) event.SelfFigures {
	s := event.SelfFigures{Process: "provider", PID: os.Getpid(), Goroutines: runtime.NumGoroutine()}
	if text, err := os.ReadFile("/proc/self/statm"); err == nil { // proc_pid_statm(5): in pages, the second is resident
		if fields := strings.Fields(string(text)); len(fields) > 1 {
			pages, _ := strconv.ParseInt(fields[1], 10, 64) // the kernel's own
			s.RSS = pages * int64(os.Getpagesize())
		}
	}
	s.FDs, s.Threads = entries("/proc/self/fd"), entries("/proc/self/task")
	return f.clocked(s, now)
}

// prime notes where the clocks stand when the provider begins, so that the first who
// looks is told what was used since.
func (f *figures) prime(keeper int) {
	now := time.Now()
	f.clocked(event.SelfFigures{Process: "provider", PID: os.Getpid()}, now)
	f.clocked(event.SelfFigures{Process: "keeper", PID: keeper}, now)
}

// entries is how many files a folder has; while that of our own descriptors is read
// it has one more, which is not ours to count.
func entries(dir string) int {
	d, err := os.Open(dir)
	if err != nil {
		return 0
	}
	defer d.Close()
	names, _ := d.Readdirnames(-1) // what could be read
	if strings.HasSuffix(dir, "/fd") {
		return max(0, len(names)-1)
	}
	return len(names)
}

// clocked adds what a process has used of the CPU, since it began and since somebody
// looked before.
func (f *figures) clocked(s event.SelfFigures, now time.Time) event.SelfFigures {
	used, err := cpuUsed(s.PID)
	if err != nil {
		return s
	}
	s.CPUSeconds = used.Seconds()
	f.mu.Lock()
	defer f.mu.Unlock()
	before := f.selves[s.Process]
	span := now.Sub(before.at)
	if before.pid == s.PID && span < figuresPace { // too short to say anything
		s.CPU = before.cpu
		return s
	}
	if before.pid == s.PID {
		s.CPU = 100 * float64(used-before.used) / float64(span)
	}
	f.selves[s.Process] = selfClock{pid: s.PID, used: used, at: now, cpu: s.CPU}
	return s
}

// cpuUsed reads the CPU clock of a process, in nanoseconds where /proc has ticks of 10
// ms: clock_getcpuclockid(3) without libc.
func cpuUsed(pid int) (time.Duration, error) {
	const sched = 2 // CPUCLOCK_SCHED of the kernel's posix-timers.h
	var t unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<3|sched), &t); err != nil {
		return 0, fmt.Errorf("read cpu clock of %d: %w", pid, err)
	}
	return time.Duration(t.Nano()), nil
}
