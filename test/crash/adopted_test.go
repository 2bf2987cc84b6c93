package crash

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"zmicroservices/test/harness"
)

// What was adopted ends as it would have: in order, with its hooks, also when a keeper
// is alone again.
func TestWhatWasAdoptedEndsInOrderAndWithItsHooks(t *testing.T) {
	for name, deaths := range map[string]func(b *bench){
		"provider and keeper died": func(b *bench) {
			b.kill()
			b.killAlone(b.keeper())
			b.flags = []string{"--linger=100ms"}
			b.start()
		},
		"the keeper of a provider that came back died": func(b *bench) {
			b.kill()
			b.flags = []string{"--linger=100ms"}
			b.start()
			b.killKeeper()
		},
	} {
		t.Run(name, func(t *testing.T) {
			told := filepath.Join(t.TempDir(), "told")
			hook := func(on string) string {
				return fmt.Sprintf(`<hook on="%s" command="/bin/sh -c 'echo $ZMS_HOOK $ZMS_SERVICE_ID $PWD >> %s'"/>`, on, told)
			}
			folder := t.TempDir()
			b := newBench(t, 2, fmt.Sprintf(`<Process><command>/bin/sh -c 'trap "echo TERM $ZMS_SERVICE_ID >> %s; exit" TERM; while :; do sleep 0.02; done'</command>
				<directory>%s</directory>@depends@`, told, folder)+hook("pre_stop")+hook("post_stop")+`</Process>`, "--linger=forever")
			text, err := os.ReadFile(b.file)
			if err != nil {
				t.Fatal(err)
			}
			file := strings.Replace(string(text), "@depends@", `<depends on="ts001"/>`, 1) // ts000 goes before ts001
			if err := os.WriteFile(b.file, []byte(strings.Replace(file, "@depends@", "", 1)), 0o600); err != nil {
				t.Fatal(err)
			}
			b.start()
			b.settled(2)
			before := b.pids()
			b.written()
			deaths(b)
			await(t, "the adoption", func() bool {
				return len(b.notes("adopted", "ts000")) == 1 && len(b.notes("adopted", "ts001")) == 1
			})
			for task, pid := range b.pids() {
				if before[task] != pid {
					t.Errorf("%s was process %d and is %d", task, before[task], pid)
				}
			}
			keeper := b.keeper()
			b.kill()
			await(t, "the keeper to end", func() bool { return !harness.Alive(keeper) })
			b.cmd = nil
			got, err := os.ReadFile(told)
			if err != nil {
				t.Fatal(err)
			}
			var want strings.Builder
			for _, task := range []string{"ts000", "ts001"} {
				fmt.Fprintf(&want, "pre_stop %[1]s %[2]s\nTERM %[1]s\npost_stop %[1]s %[2]s\n", task, folder)
			}
			if string(got) != want.String() {
				t.Errorf("what happened:\n%swant:\n%s", got, want.String())
			}
			if left := harness.Left(t, b.transaction); len(left) > 0 {
				t.Errorf("processes are left: %v", left)
			}
		})
	}
}

// killAlone kills a keeper that nobody will follow.
func (b *bench) killAlone(keeper int) {
	b.t.Helper()
	if err := syscall.Kill(keeper, syscall.SIGKILL); err != nil {
		b.t.Fatal(err)
	}
	await(b.t, "the keeper to be gone", func() bool { return !harness.Alive(keeper) })
}
