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

func Test200GoServicesStartAndStop(t *testing.T) {
	location := harness.Service(t, "DrinkCoffee")
	tasks := make([]harness.Task, 200)
	for i := range tasks {
		tasks[i] = harness.Task{
			ID: fmt.Sprintf("ts%04d", i+1), Instance: "DrinkCoffee", ServiceName: "drink_espresso", Location: location,
		}
	}
	live(t, tasks)
}

func Test2000CommandServicesStartAndStop(t *testing.T) {
	n := 2000
	if testing.Short() {
		n = 400
	}
	live(t, sleepers(n))
}

// A file at the limit of CONTRACT's size is checked in less than a second.
func TestAFileOf5000ServicesIsCheckedWithinASecond(t *testing.T) {
	file := harness.Write(t, harness.File{Tasks: sleepers(5000)})
	harness.Tool(t, "conf_command")
	r := harness.Run(t, nil, "conf_command", "check", file)
	t.Logf("check took %v, %v of its own: %s", r.Took, r.CPU, strings.TrimSpace(r.Stdout))
	if r.Code != 0 {
		t.Fatalf("check ended with %d: %s%s", r.Code, r.Stdout, r.Stderr)
	}
	if r.CPU > time.Second {
		t.Errorf("check took %v of its own, want less than a second", r.CPU)
	}
}

// live starts a file's services by conf_command, so that the observer is there
// before the first of them, and ends them with the provider.
func live(t *testing.T, tasks []harness.Task) {
	n := len(tasks)
	harness.Tool(t, "conf_command") // built before anything is timed
	file := harness.Write(t, harness.File{Tasks: tasks})
	p := harness.Start(t, file)
	first := harness.UsageOf(t, p.PID)
	fds := first.FDs - first.Sampled
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
	// The observer has one, the journal opens its files at the first change. The sampler's
	// are apart: it keeps one for each thread of the provider and the keeper.
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(harness.Patience); ; <-tick.C {
		usage := harness.UsageOf(t, p.PID)
		now := usage.FDs - usage.Sampled
		if now <= fds+8 {
			break
		}
		if time.Now().After(end) {
			t.Errorf("the provider had %d descriptors and keeps %d", fds, now)
			break
		}
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
