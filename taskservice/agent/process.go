package agent

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"zmicroservices/taskservice/hippodamia"
)

// ticks are what /proc counts time in; USER_HZ is 100 on every Linux (time(7)).
const ticks = 100

// ErrGone says that a process is no more.
var ErrGone = errors.New("process is gone")

// Process is a process as /proc shows it (proc(5)). All methods may be called at the
// same time.
type Process struct {
	pid     int
	started uint64 // ticks after boot: with it a pid names one process alone
	page    int64

	mu   sync.Mutex // guards the rest: the reading before
	cpu  float64    // seconds
	when time.Time
}

// NewProcess looks at a process; 0 is the one that calls.
func NewProcess(pid int) (*Process, error) {
	if pid == 0 {
		pid = os.Getpid()
	}
	p := &Process{pid: pid, page: int64(os.Getpagesize())}
	s, err := p.stat()
	if err != nil {
		return nil, fmt.Errorf("look at process %d: %w", pid, err)
	}
	p.started = s.started
	return p, nil
}

// PID is its number.
func (p *Process) PID() int { return p.pid }

// Read says how the process is. CPUPercent is of the time since the Read before, or
// since it started. ErrGone: it has ended, or is another one by now.
func (p *Process) Read(now time.Time) (hippodamia.RuntimeInfo, error) {
	s, err := p.stat()
	if err == nil && s.started != p.started {
		err = ErrGone
	}
	if err != nil {
		return hippodamia.RuntimeInfo{}, fmt.Errorf("read process %d: %w", p.pid, err)
	}
	info := hippodamia.RuntimeInfo{
		PID: p.pid, RSS: s.pages * p.page, CPUTime: s.cpu, Threads: s.threads,
		FDs: p.descriptors(), Uptime: max(0, uptime()-float64(s.started)/ticks),
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	since := info.Uptime
	if !p.when.IsZero() {
		since = now.Sub(p.when).Seconds()
	}
	if since > 0 {
		info.CPUPercent = max(0, 100*(s.cpu-p.cpu)/since)
	}
	p.cpu, p.when = s.cpu, now
	return info, nil
}

type stat struct {
	cpu     float64 // seconds
	threads int
	started uint64
	pages   int64
}

func (p *Process) stat() (stat, error) {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(p.pid) + "/stat")
	if errors.Is(err, fs.ErrNotExist) || err != nil && strings.Contains(err.Error(), "no such process") {
		return stat{}, ErrGone
	}
	if err != nil {
		return stat{}, err
	}
	return parseStat(text)
}

// parseStat reads what follows the name, which may hold blanks and brackets itself.
func parseStat(text []byte) (stat, error) {
	words := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	const fieldsBefore = 3 // words[0] is field 3
	if len(words) < 25-fieldsBefore {
		return stat{}, fmt.Errorf("%d fields after its name are too few", len(words))
	}
	if words[0] == "Z" || words[0] == "X" {
		return stat{}, ErrGone
	}
	var failed error
	field := func(n int) uint64 {
		v, err := strconv.ParseUint(words[n-fieldsBefore], 10, 64)
		if err != nil {
			failed = fmt.Errorf("field %d: %w", n, err)
		}
		return v
	}
	s := stat{
		cpu:     float64(field(14)+field(15)) / ticks,
		threads: int(field(20)),
		started: field(22),
		pages:   int64(field(24)),
	}
	return s, failed
}

// descriptors counts the open files; 0 where it may not look.
func (p *Process) descriptors() int {
	dir, err := os.Open("/proc/" + strconv.Itoa(p.pid) + "/fd")
	if err != nil {
		return 0
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return 0
	}
	if p.pid == os.Getpid() {
		return len(names) - 1 // the directory that we read
	}
	return len(names)
}

// uptime is how long ago the machine was started, in seconds; 0 if it does not say.
func uptime() float64 {
	text, err := os.ReadFile("/proc/uptime")
	if err != nil {
		return 0
	}
	first, _, _ := strings.Cut(string(text), " ")
	seconds, err := strconv.ParseFloat(first, 64)
	if err != nil {
		return 0
	}
	return seconds
}
