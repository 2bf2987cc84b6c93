package kernel

import (
	"strconv"
	"strings"
	"syscall"
)

// Stat is what the keeper reads of proc_pid_stat(5).
type Stat struct {
	State  byte   // R, S, Z …
	Parent int    // pid
	Group  int    // of processes
	Ticks  uint64 // of its start, since boot
}

// ReadStat reads /proc/PID/stat. False: there is no such process any more.
func ReadStat(pid int) (Stat, bool) {
	var buf [512]byte
	n, ok := ReadFile("/proc/"+strconv.Itoa(pid)+"/stat", buf[:])
	if !ok {
		return Stat{}, false
	}
	return ParseStat(string(buf[:n]))
}

// ParseStat reads the text of a stat file.
func ParseStat(text string) (Stat, bool) {
	// The name in parentheses may hold spaces and parentheses itself.
	f := strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
	if len(f) < 20 || len(f[0]) != 1 || f[0][0] < 'A' {
		return Stat{}, false
	}
	parent, err1 := strconv.Atoi(f[1])
	group, err2 := strconv.Atoi(f[2])
	ticks, err3 := strconv.ParseUint(f[19], 10, 64)
	return Stat{f[0][0], parent, group, ticks}, err1 == nil && err2 == nil && err3 == nil
}

// ReadFile reads the beginning of a /proc file into buf without the poller,
// the finalizer and the allocations of os.File.
func ReadFile(path string, buf []byte) (int, bool) {
	fd, err := syscall.Open(path, syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return 0, false
	}
	defer syscall.Close(fd)
	total := 0
	for total < len(buf) {
		n, err := syscall.Read(fd, buf[total:])
		if err == syscall.EINTR {
			continue
		}
		if n <= 0 {
			return total, err == nil
		}
		total += n
	}
	return total, true
}
