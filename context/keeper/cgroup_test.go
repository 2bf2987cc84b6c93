package keeper

import (
	"os"
	"strings"
	"testing"

	"zmicroservices/context/keeper/cgroup"
)

// realCgroups skips where this machine lets us make none.
func realCgroups(t *testing.T) {
	t.Helper()
	g := cgroup.New(t.TempDir(), "")
	dir, fd, _ := g.Make("test", &cgroup.Limits{})
	if fd < 0 {
		t.Skipf("%s: run as root where cgroup2 is mounted for writing", g.State())
	}
	closeAll([]int{fd})
	cgroup.Remove(dir)
	g.Close()
}

// groupOf is the cgroup that a process is in.
func groupOf(t *testing.T, pid string) string {
	t.Helper()
	text, err := os.ReadFile("/proc/" + pid + "/cgroup")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if path, ok := strings.CutPrefix(strings.TrimSpace(line), "0::"); ok {
			return path
		}
	}
	return ""
}
