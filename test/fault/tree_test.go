package fault

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"zmicroservices/test/harness"
)

func TestADaemonThatForksTwiceIsEndedWithItsService(t *testing.T) {
	s := play(t, []harness.Task{shell("ts001",
		`(setsid sh -c "echo \$\$ >\"$ZMS_STATE_DIR/daemon\"; exec sleep 1000" & ) ; exec sleep 1000`, "")})
	service, daemon := pidOf(s.hear("ts001", "started")), s.number("daemon")
	until(t, "it has left its parent", func() bool { return parent(daemon) == s.Keeper })
	s.stop("ts001")
	if !gone(service) || !gone(daemon) {
		t.Error("something lives")
	}
	s.Stop()
}

// One that cleans its environment as well is not known for its service's without a cgroup: it
// is ended with the keeper then, and not left to init.
func TestADaemonThatCleansItsEnvironmentIsEndedWithTheKeeperAtTheLatest(t *testing.T) {
	s := play(t, []harness.Task{shell("ts001",
		`(env -i /usr/bin/setsid /bin/sh -c "echo \$\$ >\"$ZMS_STATE_DIR/daemon\"; exec sleep 1000" & ) ; exec sleep 1000`, "")})
	daemon := s.number("daemon")
	until(t, "it has left its parent", func() bool { return parent(daemon) == s.Keeper })
	s.Stop()
	if !gone(daemon) {
		t.Error("it lives")
	}
}

func TestADaemonThatCleansItsEnvironmentIsEndedWithItsServiceWhereThereAreCgroups(t *testing.T) {
	s := play(t, []harness.Task{shell("ts001",
		`(env -i /usr/bin/setsid /bin/sh -c "echo \$\$ >\"$ZMS_STATE_DIR/daemon\"; exec sleep 1000" & ) ; exec sleep 1000`, `<umask>022</umask>`)})
	daemon := s.number("daemon")
	group, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", daemon))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(group), "."+"ts001.1\n") {
		t.Skip("no cgroups of version 2 can be made here: run as root where cgroup2 is mounted for writing")
	}
	until(t, "it has left its parent", func() bool { return parent(daemon) == s.Keeper })
	s.stop("ts001")
	if !gone(daemon) {
		t.Error("it lives")
	}
	s.Stop()
}

func TestZombiesAreReapedAndDoNotAccumulate(t *testing.T) {
	s := play(t, []harness.Task{shell("ts001",
		`i=0; while [ $i -lt 60 ]; do (sh -c "exit 0" &); i=$((i+1)); done; echo $$ >"$ZMS_STATE_DIR/pid"; exec sleep 1000`, "")})
	service := s.number("pid")
	until(t, "no child of the keeper but the service is left", func() bool {
		all := childrenOf(t, s.Keeper)
		return len(all) == 1 && all[0] == service
	})
	s.Stop()
}

// bomber is a user that is nobody's, so that what counts against its RLIMIT_NPROC is the
// bomb alone.
const bomber = 61507

// bomb forks without end, in all that it has forked, and does not give up.
const bomb = `
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
while True:
    try:
        os.fork()
    except OSError:
        time.sleep(0.01)
`

func TestAForkBombIsBoundedByNprocAndEndedWhole(t *testing.T) {
	onlyRoot(t)
	const most = 25
	s := play(t, []harness.Task{
		{ID: "ts001", Command: harness.Python(t) + " -I -c '" + bomb + "'", Process: fmt.Sprintf(`<user>%d</user><group>%[1]d</group><directory>/</directory><limits nproc="%d"/><stop timeout="100ms"/>`, bomber, most)},
		shell("ts002", "exec sleep 1000", ""),
	}, "--linger=0s")
	until(t, "the bomb has gone off", func() bool {
		n := len(ofUser(t, bomber))
		if n > most {
			t.Errorf("%d processes, and %d are allowed", n, most)
		}
		return n == most
	})
	s.stop("ts002") // nobody else is held up
	s.stop("ts001")
	if left := ofUser(t, bomber); len(left) > 0 {
		t.Errorf("%v are left", left)
	}
	s.Stop()
}

// parent of a process, proc_pid_stat(5).
func parent(pid int) int {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	n, _ := strconv.Atoi(fields[1])
	return n
}

// childrenOf lists the children of a process, zombies too.
func childrenOf(t *testing.T, pid int) []int {
	t.Helper()
	entries, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	var all []int
	for _, entry := range entries {
		if n, err := strconv.Atoi(entry.Name()); err == nil && parent(n) == pid {
			all = append(all, n)
		}
	}
	return all
}

func TestAKilledServiceTakesWhatItForkedAlong(t *testing.T) {
	s := play(t, []harness.Task{shell("ts001", `sleep 1000 & echo $! >"$ZMS_STATE_DIR/child"; wait`, `<stop timeout="2s"/>`)})
	service, child := pidOf(s.hear("ts001", "started")), s.number("child")
	if err := syscall.Kill(service, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if m := s.hear("ts001", "failed"); m.Status["signal"] != "SIGKILL" {
		t.Errorf("heard %v", m)
	}
	until(t, "the child has gone too", func() bool { return gone(child) })
	s.Stop()
}
