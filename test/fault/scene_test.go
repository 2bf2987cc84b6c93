package fault

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"zmicroservices/test/harness"
)

func TestMain(m *testing.M) { harness.Main(m, nil) }

// scene is a provider, and who watches what is said of its services.
type scene struct {
	*harness.Provider
	t   *testing.T
	bus *harness.Observer
}

// play starts every task of a file.
func play(t *testing.T, tasks []harness.Task, flags ...string) *scene {
	t.Helper()
	file := harness.Write(t, harness.File{Tasks: tasks})
	s := &scene{Provider: harness.Start(t, file, flags...), t: t}
	s.bus = harness.Observe(t, s.Provider, "control")
	if r := s.Command("start", file); r.Code != 0 {
		t.Fatalf("start: %+v", r)
	} else {
		s.Transaction = strings.TrimSpace(strings.TrimPrefix(strings.SplitN(r.Stdout, "\n", 2)[0], "transaction"))
	}
	return s
}

// shell is a task service that a shell plays.
func shell(id, script, process string) harness.Task {
	return harness.Task{ID: id, Command: "/bin/sh -c '" + script + "'", Process: process}
}

// hear waits for a word about a task service.
func (s *scene) hear(id, action string) harness.Message {
	s.t.Helper()
	said := s.bus.Until(action+" of "+id, func(m harness.Message) bool { return m.ServiceID == id && m.Action == action })
	return said[len(said)-1]
}

// stop stops task services and expects it to work.
func (s *scene) stop(ids ...string) {
	s.t.Helper()
	if r := s.Command(append([]string{"stop", s.File}, ids...)...); r.Code != 0 {
		s.t.Errorf("stop %v: %+v", ids, r)
	}
}

// number waits for a pid that a service has written into a file of its state directory.
func (s *scene) number(file string) int {
	s.t.Helper()
	var n int
	until(s.t, file+" is written", func() bool {
		text, _ := os.ReadFile(filepath.Join(s.StateDir, file))
		n, _ = strconv.Atoi(strings.TrimSpace(string(text)))
		return n > 0 && strings.HasSuffix(string(text), "\n")
	})
	return n
}

func pidOf(m harness.Message) int {
	pid, _ := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(toText(m.Status["pid"])), ".0"))
	return pid
}

func toText(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return ""
}

// until polls a fact of the kernel that nobody tells.
func until(t *testing.T, what string, true func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(harness.Patience); !true(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("waited %v until %s", harness.Patience, what)
		}
	}
}

// gone says that a process is no more, or waits for nothing but to be reaped.
func gone(pid int) bool { return !harness.Alive(pid) }

// ofUser are the live processes of a user.
func ofUser(t *testing.T, uid int) []int {
	t.Helper()
	dirs, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		t.Fatal(err)
	}
	var pids []int
	for _, dir := range dirs {
		info, err := os.Stat(dir)
		if err != nil {
			continue
		}
		pid, _ := strconv.Atoi(filepath.Base(dir))
		if st, ok := info.Sys().(*syscall.Stat_t); ok && int(st.Uid) == uid && harness.Alive(pid) {
			pids = append(pids, pid)
		}
	}
	return pids
}

func onlyRoot(t *testing.T) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("only root may run a service as another user: sudo go test ./test/fault")
	}
}
