package crash

import (
	"maps"
	"strings"
	"syscall"
	"testing"

	"zmicroservices/test/harness"
)

// TestNothingIsDoubledWhenTheKeeperIsKilledUnderLoad cannot promise exit codes: of who
// ends while no keeper is there they are lost, and said to be. But nothing runs twice,
// and nothing is left.
func TestNothingIsDoubledWhenTheKeeperIsKilledUnderLoad(t *testing.T) {
	b := churning(t)
	b.start()
	await(t, "every service to start", func() bool { return b.incarnations() >= services })
	b.written()
	for range keeperRounds {
		began := b.incarnations()
		await(t, "services to come and go", func() bool { return b.incarnations() > began+services })
		b.killKeeper()
		b.oneProcessEach()
	}
	began := b.incarnations()
	await(t, "services to go on", func() bool { return b.incarnations() > began+services })
	b.oneProcessEach()
	b.freeze()
	if rows := b.notes("keeper took over", ""); len(rows) != keeperRounds {
		t.Errorf("the journal tells of %d keepers: %q", len(rows), rows)
	}
	b.stop()
	if left := harness.Left(t, b.transaction); len(left) > 0 {
		t.Errorf("processes are left: %v", left)
	}
}

// TestASecondProviderDoesNotTakeOverFromOneThatIsStopped has a provider that cannot
// defend itself: what it holds does so.
func TestASecondProviderDoesNotTakeOverFromOneThatIsStopped(t *testing.T) {
	b := newBench(t, 2, talker)
	b.start()
	await(t, "the services to start", func() bool { return len(b.pids()) == 2 })
	before := b.pids()
	if err := b.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	r := harness.Run(t, nil, "service_context", "--start="+b.transaction, "--state_dir="+b.state, "--runtime_dir="+b.runtime, b.file)
	other := harness.Run(t, nil, "service_context", "--start="+b.transaction, "--state_dir="+b.state+"2", "--runtime_dir="+b.runtime, b.file)
	if err := b.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	if r.Code != 1 || !strings.Contains(r.Stderr, "held by another provider") {
		t.Errorf("a second provider: %+v", r)
	}
	if other.Code != 1 || !strings.Contains(other.Stderr, "another provider runs this context") {
		t.Errorf("a second provider with a state directory of its own: %+v", other)
	}
	b.goesOn(before)
	if after := b.pids(); !maps.Equal(before, after) {
		t.Errorf("services were %v and are %v", before, after)
	}
	b.oneProcessEach()
	b.stop()
}
