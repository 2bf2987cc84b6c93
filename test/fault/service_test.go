package fault

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"zmicroservices/test/harness"
)

func TestAServiceThatIgnoresTERMIsKilledWhenItsTimeIsOverAndHoldsUpNobody(t *testing.T) {
	s := play(t, []harness.Task{
		shell("ts001", `trap "" TERM; echo $$ >"$ZMS_STATE_DIR/pid"; while :; do sleep 1000; done`, `<stop timeout="300ms"/>`),
		shell("ts002", "exec sleep 1000", ""),
	})
	stubborn := s.number("pid")
	done := make(chan struct{})
	go func() { s.stop("ts001"); close(done) }() // ends with the command
	s.stop("ts002")
	s.hear("ts002", "stopped")
	<-done
	if !gone(stubborn) {
		t.Error("it lives")
	}
	s.hear("ts001", "stopped")
	s.Stop()
}

func TestAStoppedProcessIsWokenForItsEnd(t *testing.T) {
	s := play(t, []harness.Task{shell("ts001", "exec sleep 1000", `<stop timeout="60s"/>`)})
	pid := pidOf(s.hear("ts001", "started"))
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	s.stop("ts001")
	if !gone(pid) {
		t.Error("it lives")
	}
	s.Stop()
}

func TestAServiceThatClosesItsStdoutRunsOn(t *testing.T) {
	s := play(t, []harness.Task{shell("ts001", `echo before; exec >&- 2>&-; echo $$ >"$ZMS_STATE_DIR/pid"; exec sleep 1000`, "")})
	pid := s.number("pid")
	s.stop("ts001")
	if !gone(pid) {
		t.Error("it lives")
	}
	for _, m := range s.bus.Waiting() {
		if m.Action == "failed" {
			t.Errorf("heard %v", m)
		}
	}
	s.Stop()
}

func TestAServiceThatFillsItsStdoutHoldsUpNobodyAndNoDisk(t *testing.T) {
	s := play(t, []harness.Task{
		shell("ts001", "exec yes 0123456789012345678901234567890123456789", `<log max_size="1MB" keep="1" gzip="false"/>`),
		shell("ts002", "echo a word; exec sleep 1000", ""),
	})
	folder := filepath.Join(s.StateDir, "logs", s.Transaction)
	until(t, "the log was turned over", func() bool {
		files, _ := filepath.Glob(filepath.Join(folder, "ts001.log*"))
		return len(files) > 1
	})
	until(t, "another's line is there", func() bool {
		text, _ := os.ReadFile(filepath.Join(folder, "ts002.log"))
		return strings.Contains(string(text), " out a word\n")
	})
	s.stop("ts002")
	s.stop("ts001")
	var size int64
	files, _ := filepath.Glob(filepath.Join(folder, "ts001.log*"))
	for _, file := range files {
		if info, err := os.Stat(file); err == nil {
			size += info.Size()
		}
	}
	if size > 8<<20 {
		t.Errorf("%d bytes of log in %v", size, files)
	}
	s.Stop()
}

func TestAServiceThatEndsBeforeWeLookIsToldWholeAndOnce(t *testing.T) {
	var tasks []harness.Task
	for i := range 10 {
		tasks = append(tasks, shell(fmt.Sprintf("ts%03d", i), fmt.Sprintf("exit %d", i), ""))
	}
	s := play(t, tasks)
	over := map[string]string{}
	s.bus.Until("the end of all", func(m harness.Message) bool {
		if m.Action == "stopped" || m.Action == "failed" {
			over[m.ServiceID] += m.Action + toText(m.Status["exit_code"])
		}
		return len(over) == len(tasks)
	})
	s.Stop()
	for _, m := range s.bus.Rest() {
		if m.Action == "stopped" || m.Action == "failed" {
			over[m.ServiceID] += " and " + m.Action
		}
	}
	for i := range 10 {
		want := fmt.Sprintf("failed%d", i)
		if i == 0 {
			want = "stopped0"
		}
		if got := over[fmt.Sprintf("ts%03d", i)]; got != want && got+"0" != want {
			t.Errorf("ts%03d: heard %q, want %q", i, got, want)
		}
	}
}
