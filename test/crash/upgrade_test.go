package crash

import (
	"context"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"zmicroservices/context/command"
	"zmicroservices/test/harness"
)

// upgraded is what conf_command says of an upgrade.
type upgraded struct {
	From, To, Outcome, Reason string
	PID                       int
	Steps                     []string
}

// upgrade runs conf_command upgrade, and meets the provider that answers then.
func (b *bench) upgrade(code int, program string) upgraded {
	b.t.Helper()
	_ = b.client.Close()
	r := harness.Run(b.t, []string{"ZMS_RUNTIME_DIR=" + b.runtime}, "conf_command", "upgrade", "-o", "json", "--probation=300ms", b.file, program)
	if r.Code != code {
		b.t.Errorf("upgrade to %s: exit code %d, want %d: %s%s", program, r.Code, code, r.Stdout, r.Stderr)
	}
	var u upgraded
	if err := json.Unmarshal([]byte(r.Stdout), &u); err != nil {
		b.t.Errorf("upgrade to %s: %v: %s%s", program, err, r.Stdout, r.Stderr)
	}
	b.meet()
	return u
}

// newer is service_context of another version.
func newer(t *testing.T) string {
	return harness.Variant(t, "newer", "service_context", "-ldflags=-X main.version=newer")
}

// runs says which program a process executes.
func runs(t *testing.T, pid int) string {
	t.Helper()
	path, err := os.Readlink("/proc/" + strconv.Itoa(pid) + "/exe")
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// TestAnUpgradeUnderLoadLosesNothing has services that exit, print and fork all the
// time, while provider and keeper become another program.
func TestAnUpgradeUnderLoadLosesNothing(t *testing.T) {
	b := churning(t)
	b.start()
	was := b.client.Hello()
	keeper := b.keeper()
	began := b.incarnations()
	for range upgradeRounds {
		await(t, "services to come and go", func() bool { return b.incarnations() > began+services })
		began = b.incarnations()
		u := b.upgrade(0, newer(t))
		if u.Outcome != "done" || u.To != "newer" || u.PID != was.PID {
			t.Errorf("the upgrade came to %+v", u)
		}
		b.oneProcessEach()
	}
	if now := b.client.Hello(); now.PID != was.PID || now.Version != "newer" || was.Version == "newer" {
		t.Errorf("the provider was %+v and is %+v", was, now)
	}
	if now := b.keeper(); now != keeper || runs(t, now) != newer(t) || runs(t, was.PID) != newer(t) {
		t.Errorf("keeper %d is %d now and runs %s; the provider runs %s", keeper, now, runs(t, now), runs(t, was.PID))
	}
	await(t, "services to go on", func() bool { return b.incarnations() > began+services })
	b.oneProcessEach()
	for _, row := range []string{"upgrade began", "upgrade done"} {
		if got := b.notes(row, ""); len(got) != upgradeRounds {
			t.Errorf("the journal has %d rows %q: %q", len(got), row, got)
		}
	}
	b.freeze()
	b.audit(services)
	b.stop()
	if left := harness.Left(t, b.transaction); len(left) > 0 {
		t.Errorf("processes are left: %v", left)
	}
}

// TestWhoAsksDuringAnUpgradeIsAnswered has somebody who asks all the time.
func TestWhoAsksDuringAnUpgradeIsAnswered(t *testing.T) {
	b := newBench(t, 2, talker)
	b.start()
	b.settled(2)
	before := b.pids()
	ctx, cancel := context.WithCancel(t.Context())
	asked := make(chan int, 1) // how often, once
	go func() {                // ends with ctx, after its question
		n := 0
		for ; ctx.Err() == nil; n++ {
			if r := harness.Run(t, []string{"ZMS_RUNTIME_DIR=" + b.runtime}, "conf_command", "state", b.file); r.Code != 0 {
				t.Errorf("state: exit code %d, %s", r.Code, r.Stderr)
			}
		}
		asked <- n
	}()
	for range 1 + upgradeRounds {
		if u := b.upgrade(0, newer(t)); u.Outcome != "done" {
			t.Errorf("the upgrade came to %+v", u)
		}
	}
	cancel()
	t.Logf("asked %d times", <-asked)
	if after := b.pids(); !maps.Equal(before, after) {
		t.Errorf("services were %v and are %v", before, after)
	}
	b.stop()
	if _, err := os.Stat(command.SocketPath(b.runtime, "crash", b.front, b.back)); err == nil {
		t.Error("the control socket is left behind")
	}
}

// TestABadProgramIsRefusedOrRolledBack has programs that are none, that end at once,
// and that die later: as keeper, and as provider.
func TestABadProgramIsRefusedOrRolledBack(t *testing.T) {
	b := newBench(t, 2, talker)
	b.start()
	await(t, "the services to start", func() bool { return len(b.pids()) == 2 })
	before, was, keeper := b.pids(), b.client.Hello(), b.keeper()
	goesOn := func(what string) {
		t.Helper()
		if now := b.client.Hello(); now.Version != was.Version {
			t.Errorf("%s: the provider is of version %s", what, now.Version)
		}
		await(t, "the services to be known again", func() bool { return maps.Equal(b.pids(), before) })
		b.goesOn(before)
	}

	text := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(text, []byte("no program\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	if u := b.upgrade(1, text); u.Outcome != "failed" || !strings.Contains(u.Reason, "exec format error") {
		t.Errorf("a text came to %+v", u)
	}
	goesOn("a text")
	if u := b.upgrade(1, "/bin/false"); u.Outcome != "failed" || !strings.Contains(u.Reason, "exit code 1") {
		t.Errorf("what ends at once came to %+v", u)
	}
	goesOn("what ends at once")
	if u := b.upgrade(1, "/bin/true"); u.Outcome != "failed" || !strings.Contains(u.Reason, "exit code 0") {
		t.Errorf("what ends at once, and well, came to %+v", u)
	}
	goesOn("what ends at once, and well")
	if now := b.keeper(); now != keeper || b.client.Hello().PID != was.PID {
		t.Errorf("something has changed: keeper %d was %d, provider %d was %d", now, keeper, b.client.Hello().PID, was.PID)
	}
	b.stop()
}

// TestANewProgramThatDiesIsRolledBack has programs that pass their trial.
func TestANewProgramThatDiesIsRolledBack(t *testing.T) {
	mortal := mortal(t)
	for _, point := range []string{"keeper resumed", "provider ready"} {
		t.Run(point, func(t *testing.T) {
			b := newBench(t, 2, talker)
			b.env = []string{"ZMS_CRASHPOINT=" + point}
			b.start()
			await(t, "the services to start", func() bool { return len(b.pids()) == 2 })
			before, was := b.pids(), b.client.Hello()
			u := b.upgrade(1, mortal)
			if u.Outcome != "rolled_back" && point == "provider ready" || u.Outcome == "done" {
				t.Errorf("the upgrade came to %+v", u)
			}
			if now := b.client.Hello(); now.Version != was.Version {
				t.Errorf("the provider is of version %s after %+v", now.Version, u)
			}
			await(t, "the services to be known again", func() bool { return maps.Equal(b.pids(), before) })
			b.goesOn(before)
			rows := append(b.notes("upgrade rolled back", ""), b.notes("upgrade failed", "")...)
			if len(rows) != 1 {
				t.Errorf("the journal says %q", rows)
			}
			b.stopWhoever()
		})
	}
}

// stopWhoever ends the provider that answers, which may be no child of ours.
func (b *bench) stopWhoever() {
	b.t.Helper()
	pid := b.client.Hello().PID
	if pid == b.cmd.Process.Pid {
		b.stop()
		return
	}
	<-b.ended
	b.cmd = nil
	_ = b.client.Close()
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
		b.t.Fatal(err)
	}
	await(b.t, "the provider to end", func() bool { return !harness.Alive(pid) })
	if left := harness.Left(b.t, b.transaction); len(left) > 0 {
		b.t.Errorf("processes are left: %v", left)
	}
}

// TestAnUpgradeBelowAKeeperThatStandsFirst has --init: what is started is the keeper,
// and a provider that is rolled back stays its ward.
func TestAnUpgradeBelowAKeeperThatStandsFirst(t *testing.T) {
	b := newBench(t, 2, talker, "--init")
	b.env = []string{"ZMS_CRASHPOINT=provider ready"}
	b.start()
	await(t, "the services to start", func() bool { return len(b.pids()) == 2 })
	before, was := b.pids(), b.client.Hello()
	if u := b.upgrade(0, newer(t)); u.Outcome != "done" || u.PID != was.PID || runs(t, b.cmd.Process.Pid) != newer(t) {
		t.Errorf("the upgrade came to %+v", u)
	}
	b.goesOn(before)
	if u := b.upgrade(1, mortal(t)); u.Outcome != "rolled_back" || u.To != "newer" || !strings.Contains(u.Reason, "killed") {
		t.Errorf("the second upgrade came to %+v", u)
	}
	await(t, "the services to be known again", func() bool { return maps.Equal(b.pids(), before) })
	b.goesOn(before)
	b.stop() // the keeper: it waits for its ward
	if left := harness.Left(t, b.transaction); len(left) > 0 {
		t.Errorf("processes are left: %v", left)
	}
}
