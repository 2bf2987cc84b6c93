package supervise

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// cost is what a supervisor's own processes take.
type cost struct {
	cpu     time.Duration // user and system, so far
	pss     int           // KiB
	threads int
}

// cost sums all processes below the supervisor, itself too, that are no services.
func (r *run) cost(b *testing.B, service string) (sum cost) {
	b.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		b.Fatal(err)
	}
	parent, fields := map[int]int{}, map[int][]string{}
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		pid, _ := strconv.Atoi(strings.Split(path, "/")[2])
		_, rest, _ := bytes.Cut(text, []byte(") ")) // proc_pid_stat(5): from the third field on
		fields[pid] = strings.Fields(string(rest))
		parent[pid], _ = strconv.Atoi(fields[pid][1])
	}
	for pid := range parent {
		at := pid
		for at > 1 && at != r.cmd.Process.Pid {
			at = parent[at]
		}
		if exe, _ := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid)); at <= 1 || exe == service {
			continue
		}
		for _, field := range fields[pid][11:13] { // utime, stime
			ticks, _ := strconv.Atoi(field)
			sum.cpu += time.Duration(ticks) * time.Second / 100
		}
		threads, _ := strconv.Atoi(fields[pid][17])
		sum.threads += threads
		sum.pss += pss(b, pid)
	}
	return sum
}

// pss is the proportional set size of a process, KiB.
func pss(b *testing.B, pid int) int {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		b.Fatal(err)
	}
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		var kib int
		if _, err := fmt.Sscanf(lines.Text(), "Pss: %d kB", &kib); err == nil {
			return kib
		}
	}
	b.Fatalf("no Pss of %d", pid)
	return 0
}
