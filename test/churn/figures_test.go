package churn

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"zmicroservices/context/command"
	"zmicroservices/test/harness"
)

// tolerances say by how much the median of a figure may be above the one before: a
// share of it, and so much on top.
var tolerances = map[string]struct{ share, more float64 }{
	"provider heap MiB":   {0.10, 1}, // what its last collection has left
	"provider anon MiB":   {0.10, 3}, // of its own, without its program's pages; a collector decides when
	"keeper anon MiB":     {0.10, 2},
	"provider fds":        {0.10, 6}, // those of samplers follow what runs; an operator is visiting or not
	"provider threads":    {0, 3},
	"provider goroutines": {0, 12},
	"keeper fds":          {0, 6},
	"keeper threads":      {0, 3},
	"state files":         {0.10, 10},
	"state directories":   {0.10, 5},
	"state MiB":           {0.10, 1},
	"journal MiB":         {0.10, 0.5},
	"runtime files":       {0, 4},
	"keeper orphans":      {0, 20},
}

// sample is what everything costs at one moment, by name.
type sample map[string]float64

// look takes one.
func (s *scene) look() sample {
	s.t.Helper()
	now := sample{}
	for name, pid := range map[string]int{"provider": s.PID, "keeper": s.Keeper} {
		u := harness.UsageOf(s.t, pid)
		now[name+" fds"], now[name+" threads"] = float64(u.FDs), float64(u.Threads)
		// Pages of the program come and go with what else the machine does.
		now[name+" anon MiB"], now[name+" rss MiB"] = anonymous(pid), u.RSS
	}
	c, err := command.Dial(s.t.Context(), s.Socket)
	if err != nil {
		s.t.Fatal(err)
	}
	defer c.Close()
	now["provider goroutines"], now["provider heap MiB"] = float64(c.Hello().Goroutines), float64(c.Hello().HeapLive)/(1<<20)
	files, folders, bytes := below(s.StateDir)
	now["state files"], now["state directories"], now["state MiB"] = files, folders, bytes
	now["runtime files"], _, _ = below(filepath.Dir(s.Socket))
	if info, err := os.Stat(filepath.Join(s.StateDir, "journal.db")); err == nil {
		now["journal MiB"] = float64(info.Size()) / (1 << 20)
	}
	children, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", s.Keeper))
	now["keeper orphans"] = float64(len(strings.Fields(string(children))))
	return now
}

// anonymous is the memory that a process has made, in MiB (proc_pid_status(5)).
func anonymous(pid int) float64 {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, "RssAnon:"); ok {
			kb, _ := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(value), "kB")), 64)
			return kb / 1024
		}
	}
	return 0
}

// below counts what is in a directory. Things go while we look.
func below(dir string) (files, folders, mib float64) {
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil
		}
		if d.IsDir() {
			folders++
			return nil
		}
		files++
		if info, err := d.Info(); err == nil {
			mib += float64(info.Size()) / (1 << 20)
		}
		return nil
	})
	return files, folders, mib
}

// judge holds the last third of the samples against the two before: what leaks grows
// from each to the next, while a collector's memory comes and goes in waves of minutes.
func judge(t *testing.T, samples []sample) {
	t.Helper()
	third := len(samples) / 3
	for _, name := range slices.Sorted(maps.Keys(tolerances)) {
		first, second, last := median(samples[:third], name), median(samples[third:2*third], name), median(samples[2*third:], name)
		t.Logf("%-22s medians of the thirds: %8.1f %8.1f %8.1f", name, first, second, last)
		if may := tolerances[name]; last > max(first, second)*(1+may.share)+may.more {
			t.Errorf("%s grows: from %.1f and %.1f to %.1f", name, first, second, last)
		}
	}
}

func median(samples []sample, name string) float64 {
	all := make([]float64, len(samples))
	for i, s := range samples {
		all[i] = s[name]
	}
	slices.Sort(all)
	return all[len(all)/2]
}
