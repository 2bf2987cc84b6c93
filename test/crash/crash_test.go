package crash

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"zmicroservices/context/command"
	"zmicroservices/context/event"
	"zmicroservices/test/harness"
)

func TestNothingIsLostWhenTheProviderIsKilled(t *testing.T) {
	b := churning(t)
	b.start()
	await(t, "every service to start", func() bool { return b.incarnations() >= services })
	b.written()
	for range rounds {
		// Something must have happened since the last kill; then at any moment.
		began := b.incarnations()
		await(t, "services to come and go", func() bool { return b.incarnations() > began+services })
		<-time.After(time.Duration(rand.IntN(100)) * time.Millisecond)
		b.kill()
		b.oneProcessEach()
		<-time.After(time.Duration(rand.IntN(200)) * time.Millisecond) // exits that nobody hears
		b.start()
	}
	began := b.incarnations()
	await(t, "services to go on", func() bool { return b.incarnations() > began+services })
	b.oneProcessEach()
	b.freeze()
	b.audit(services * rounds)
	b.stop()
	if left := harness.Left(t, b.transaction); len(left) > 0 {
		t.Errorf("processes are left: %v", left)
	}
}

// churning is a context of services that come and go.
func churning(t *testing.T) *bench {
	t.Helper()
	return newBench(t, services, fmt.Sprintf(`<Process><command>%s</command><env name="%s" value="churn"/>
      <restart policy="always" backoff="5ms" factor="1" jitter="0" intensity="100000" window="1s"/></Process>`,
		harness.Self(t), harness.RoleVariable))
}

// incarnations counts the processes that there have been.
func (b *bench) incarnations() int {
	b.t.Helper()
	views, err := b.client.State(b.t.Context(), b.transaction)
	if err != nil {
		b.t.Fatal(err)
	}
	n := 0
	for _, task := range views[0].Tasks {
		n += int(task.Incarnation)
	}
	return n
}

// oneProcessEach looks for two processes of one task service, whoever believes
// what. Of a tree the leader counts.
func (b *bench) oneProcessEach() {
	b.t.Helper()
	leaders := map[string]string{}
	for _, pid := range harness.Left(b.t, b.transaction) {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		env, envErr := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
		if err != nil || envErr != nil {
			continue // gone meanwhile
		}
		fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
		if fields[0] == "Z" || fields[2] != strconv.Itoa(pid) { // state, pgrp
			continue
		}
		_, cookie, ok := strings.Cut(string(env), "ZMS_TASK=")
		if !ok {
			continue // on its way out: the environment goes first
		}
		cookie, _, _ = strings.Cut(cookie, "\x00")
		task := cookie[:strings.LastIndexByte(cookie, '/')]
		if other, twice := leaders[task]; twice && other != cookie {
			b.t.Errorf("%s and %s live at the same time", other, cookie)
		}
		leaders[task] = cookie
	}
}

// freeze stops every service, so that the journal and the files stand still.
func (b *bench) freeze() {
	b.t.Helper()
	r := harness.Run(b.t, []string{"ZMS_RUNTIME_DIR=" + b.runtime}, "conf_command", "stop", "--transaction="+b.transaction, b.file)
	if r.Code != 0 {
		b.t.Fatalf("stop: %+v", r)
	}
}

// audit holds the journal against the files, in which there must be so many exits.
func (b *bench) audit(least int) {
	b.t.Helper()
	entries, err := b.client.History(b.t.Context(), command.HistoryQuery{
		Transaction: event.TransactionID(b.transaction), Limit: 10_000_000,
	})
	if err != nil {
		b.t.Fatal(err)
	}
	type key struct {
		task event.TaskID
		inc  event.Incarnation
	}
	known := map[key]event.Exit{}
	for _, e := range entries {
		if c := e.Change; c != nil && c.Exit != nil && strings.HasPrefix(c.Event, "exited") {
			known[key{c.Task, c.Incarnation}] = *c.Exit
		}
	}
	told := 0
	for n := range services {
		task := event.TaskID(fmt.Sprintf("ts%03d", n))
		for inc, code := range b.exits(task) {
			told++
			if exit, ok := known[key{task, inc}]; !ok {
				b.t.Errorf("%s/%d: the journal knows nothing of its exit with %d", task, inc, code)
			} else if exit.Code != code || exit.Signal != "" {
				b.t.Errorf("%s/%d: exited with %d, and the journal says %+v", task, inc, code, exit)
			}
		}
	}
	if told < least {
		b.t.Errorf("only %d exits of %d services: nothing was tried", told, services)
	}
	b.t.Logf("%d exits, %d journal rows: nothing lost", told, len(entries))
}

// exits reads a log file: the exits that its services told, by incarnation. A
// missing line is an error.
func (b *bench) exits(task event.TaskID) map[event.Incarnation]int {
	b.t.Helper()
	f, err := os.Open(filepath.Join(b.state, "logs", b.transaction, string(task)+".log"))
	if err != nil {
		b.t.Fatal(err)
	}
	defer f.Close()
	next, out := map[event.Incarnation]int{}, map[event.Incarnation]int{}
	for scan := bufio.NewScanner(f); scan.Scan(); {
		var stamp, stream, cookie, what string
		var n int
		if _, err := fmt.Sscan(scan.Text(), &stamp, &stream, &cookie, &what, &n); err != nil {
			b.t.Errorf("%s: line %q: %v", task, scan.Text(), err)
			continue
		}
		ref, err := event.ParseRef(cookie)
		if err != nil {
			b.t.Fatal(err)
		}
		switch what {
		case "line":
			if n != next[ref.Incarnation] {
				b.t.Errorf("%s: line %d after %d lines", ref, n, next[ref.Incarnation])
			}
			next[ref.Incarnation] = n + 1
		case "exits":
			if next[ref.Incarnation] != lines {
				b.t.Errorf("%s: %d of %d lines", ref, next[ref.Incarnation], lines)
			}
			out[ref.Incarnation] = n
		}
	}
	return out
}
