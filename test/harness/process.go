package harness

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Usage is what a process costs, as proc(5) has it.
type Usage struct {
	RSS, Peak float64       // MiB; Peak is VmHWM
	CPU       time.Duration // user and system
	FDs       int
	Sockets   int // of the FDs: a provider keeps files of /proc as well, when it has sampled
	Sampled   int // of the FDs: files of /proc
	Threads   int
}

func (u Usage) String() string {
	return fmt.Sprintf("rss %.1f MiB (peak %.1f), cpu %v, %d fds (%d sockets), %d threads", u.RSS, u.Peak, u.CPU, u.FDs, u.Sockets, u.Threads)
}

// UsageOf reads what a process costs now.
func UsageOf(t testing.TB, pid int) Usage {
	t.Helper()
	u, err := usage(pid)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func usage(pid int) (u Usage, err error) {
	dir := fmt.Sprintf("/proc/%d/", pid)
	statm, err := os.ReadFile(dir + "statm") // stat's RSS is an estimate
	if err != nil {
		return u, err
	}
	pages, err := strconv.Atoi(strings.Fields(string(statm))[1])
	if err != nil {
		return u, err
	}
	u.RSS = float64(pages*os.Getpagesize()) / (1 << 20)
	status, err := os.ReadFile(dir + "status")
	if err != nil {
		return u, err
	}
	for line := range strings.Lines(string(status)) {
		name, value, _ := strings.Cut(line, ":")
		n, _ := strconv.Atoi(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(value), "kB")))
		switch name {
		case "VmHWM":
			u.Peak = float64(n) / 1024
		case "Threads":
			u.Threads = n
		}
	}
	stat, err := os.ReadFile(dir + "stat")
	if err != nil {
		return u, err
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	fields := strings.Fields(rest)
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	u.CPU = time.Duration(user+system) * time.Second / 100 // USER_HZ
	fds, err := os.ReadDir(dir + "fd")
	u.FDs = len(fds)
	for _, fd := range fds {
		// It may have been closed meanwhile.
		switch what, _ := os.Readlink(dir + "fd/" + fd.Name()); {
		case strings.HasPrefix(what, "socket:"):
			u.Sockets++
		case strings.HasPrefix(what, "/proc"):
			u.Sampled++
		}
	}
	return u, err
}

// Alive says whether a process exists that is no zombie.
func Alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(rest, "Z")
}

// Left are the processes whose environment says that they are task services of a
// transaction: what must be empty after a stop.
func Left(t testing.TB, transaction string) []int {
	t.Helper()
	dirs, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil {
		t.Fatal(err)
	}
	cookie := []byte("ZMS_TASK=" + transaction + "/")
	var left []int
	for _, file := range dirs {
		env, err := os.ReadFile(file)
		if err != nil || !bytes.Contains(env, cookie) {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file))); err == nil {
			left = append(left, pid)
		}
	}
	return left
}
