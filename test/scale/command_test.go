package scale

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"zmicroservices/test/harness"
)

// sleepers are n command services that do nothing.
func sleepers(n int) []harness.Task {
	tasks := make([]harness.Task, n)
	for i := range tasks {
		tasks[i] = harness.Task{ID: fmt.Sprintf("ts%04d", i+1), Command: "/bin/sleep 86400"}
	}
	return tasks
}

func Test500CommandServicesStartAndStop(t *testing.T) {
	live(t, sleepers(500))
}

// live starts a file's services by conf_command, so that the observer is there
// before the first of them, and ends them with the provider.
func live(t *testing.T, tasks []harness.Task) {
	n := len(tasks)
	file := harness.Write(t, harness.File{Tasks: tasks})
	p := harness.Start(t, file)
	fds := harness.UsageOf(t, p.PID).FDs
	seen := harness.Observe(t, p, "control", "process")
	l := lives{t: t, said: map[string][]string{}}

	began := time.Now()
	done := make(chan harness.Result, 1) // one result
	go func() {                          // ends with the command
		done <- p.Command("start", "--timeout=60s", file)
	}()
	l.add(seen.Until("last started", counter("started", n)))
	t.Logf("%d services were started in %v", n, time.Since(began))
	r := <-done
	if r.Code != 0 {
		t.Fatalf("start ended with %d: %s%s", r.Code, r.Stdout, r.Stderr)
	}
	p.Transaction = transactionOf(t, r.Stdout)
	t.Logf("conf_command start took %v, %v of its own", r.Took, r.CPU)
	if left := harness.Left(t, p.Transaction); len(left) != n {
		t.Errorf("%d processes run, want %d", len(left), n)
	}
	t.Logf("provider: %v", harness.UsageOf(t, p.PID))
	t.Logf("keeper: %v", harness.UsageOf(t, p.Keeper))

	began = time.Now()
	r = p.Command("stop", "--timeout=60s", file)
	t.Logf("conf_command stop took %v, %v of its own", r.Took, r.CPU)
	if r.Code != 0 {
		t.Fatalf("stop ended with %d: %s%s", r.Code, r.Stdout, r.Stderr)
	}
	l.add(seen.Until("last stopped", counter("stopped", n)))
	t.Logf("%d services were stopped in %v; %d context infos", n, time.Since(began), seen.Infos.Load())
	t.Logf("provider: %v", harness.UsageOf(t, p.PID))
	t.Logf("keeper: %v", harness.UsageOf(t, p.Keeper))
	if now := harness.UsageOf(t, p.PID).FDs; now > fds+2 { // the observer's
		t.Errorf("the provider had %d descriptors and now has %d", fds, now)
	}
	p.Stop()
	l.add(seen.Rest())
	l.wantOnce(n)
}

// transactionOf finds the transaction that conf_command start prints.
func transactionOf(t *testing.T, out string) string {
	t.Helper()
	for line := range strings.Lines(out) {
		if id, found := strings.CutPrefix(line, "transaction "); found {
			return strings.TrimSpace(id)
		}
	}
	t.Fatalf("conf_command start named no transaction: %s", out)
	return ""
}
