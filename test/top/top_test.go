package top

import (
	"encoding/json"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"zmicroservices/test/harness"
)

// three are a file with one that prints, one that fails and one that was never asked.
func three(t *testing.T) string {
	return harness.Write(t, harness.File{Tasks: []harness.Task{
		{ID: "ts001", Instance: "Printer", Command: `/bin/sh -c 'echo "hello from the printer"; echo "a complaint" >&2; exec sleep 86400'`},
		{ID: "ts002", Instance: "Unlucky", Command: `/bin/sh -c 'exit 7'`},
		{ID: "ts003", Instance: "Sleeper", Command: `/bin/sh -c 'sleep 86400 & wait'`},
	}})
}

// look opens the screen on a provider.
func look(t *testing.T, p *harness.Provider) *terminal {
	return open(t, harness.Tool(t, "conf_command"), "top", p.File, "--runtime_dir", runtimeDir(p), "--every", "200ms")
}

func runtimeDir(p *harness.Provider) string { return filepath.Dir(filepath.Dir(p.Socket)) }

func TestTheScreenShowsAndOperates(t *testing.T) {
	harness.Tool(t, "conf_command") // built before anything runs
	p := harness.Start(t, three(t), "--start")
	s := look(t, p)
	s.has("context001", "2 started", "1 failed", ">ts001 Printer", "hello from the printer", "! a complaint", "keeper", "q quit")
	screen := s.await("what the printer costs", func(screen string) bool {
		return regexp.MustCompile(`>ts001 Printer +started +\d+s +0 +\d+\.\d .* \d+(\.\d)?[KM] `).MatchString(screen)
	})
	t.Logf("seen:\n%s", screen)

	s.press("\x1b[B") // down
	s.has(">ts002 Unlucky", "── ts002 Unlucky, exit code 7", "started: ready", "exit code 7")
	s.press("\x1b[B")
	s.has(">ts003 Sleeper")
	s.press("t")
	s.has("└ sleep")
	s.press("t")

	pid := regexp.MustCompile(`── ts003 Sleeper, pid (\d+)`)
	before := pid.FindStringSubmatch(s.has("── ts003 Sleeper, pid"))[1]
	s.press("r")
	s.has("restart ts003? y: yes")
	s.press("y")
	s.has("restarted ts003")
	s.await("another pid", func(screen string) bool {
		m := pid.FindStringSubmatch(screen)
		return m != nil && m[1] != before
	})
	s.press("x")
	s.has("stop ts003?")
	s.press("y")
	s.has("stopped ts003", "1 started, 1 stopped, 1 failed")

	s.press("/unl\r")
	s.await("one row", func(screen string) bool {
		return strings.Contains(screen, ">ts002 Unlucky") && !strings.Contains(screen, " ts001 Printer")
	})
	s.press("?")
	s.has("any key")
	s.press("?\x1b")
	s.has("ts001 Printer")
	s.press("q")
	if err := <-s.ended; err != nil {
		t.Errorf("it ended with %v", err)
	}
	s.ended <- nil
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.screen.wrapped > 0 || len(s.screen.unknown) > 0 {
		t.Errorf("%d letters wrapped; unknown were %q", s.screen.wrapped, s.screen.unknown)
	}
	p.Stop()
}

func TestTheScreenOutlivesItsProvider(t *testing.T) {
	harness.Tool(t, "conf_command")
	p := harness.Start(t, three(t), "--start")
	s := look(t, p)
	s.has("hello from the printer")
	p.Stop()
	s.has("has no provider on this machine")
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := <-s.ended; err != nil {
		t.Errorf("after SIGTERM it ended with %v", err)
	}
	s.ended <- nil
}

func TestOnceIsForThoseWithoutATerminal(t *testing.T) {
	p := harness.Start(t, three(t), "--start")
	var f struct {
		Context  string
		Services []struct {
			Task, State string
			PID         int
			Cost        *struct {
				RSS  int64 `json:"rss_bytes"`
				FDs  int
				Kids []struct{ Name string } `json:"children"`
			}
		}
		Self []struct{ Process string }
	}
	await(t, "what two cost, and the failure of the other", func() bool {
		r := p.Command("top", p.File, "-o", "json")
		if r.Code != 0 {
			t.Fatalf("%d: %s", r.Code, r.Stderr)
		}
		if err := json.Unmarshal([]byte(r.Stdout), &f); err != nil {
			t.Fatalf("%v in %s", err, r.Stdout)
		}
		return len(f.Services) == 3 && f.Services[0].Cost != nil && f.Services[0].Cost.RSS > 0 && f.Services[1].State == "failed" &&
			f.Services[2].Cost != nil && len(f.Services[2].Cost.Kids) == 1
	})
	if f.Context != "context001" || len(f.Self) != 2 || f.Services[0].Cost.FDs < 3 || f.Services[2].Cost.Kids[0].Name != "sleep" {
		t.Errorf("got %+v", f)
	}
	r := p.Command("top", p.File, "--once")
	table := regexp.MustCompile(`ts001 +Printer +started +\S+ +0 +\d+\.\d +\d+\.\d[KM] +\d+ +0 +\d+\n`)
	if r.Code != 0 || !table.MatchString(r.Stdout) || !strings.Contains(r.Stdout, "\nkeeper: pid ") || strings.Contains(r.Stdout, "\x1b") {
		t.Errorf("%d: %s%s", r.Code, r.Stdout, r.Stderr)
	}
	p.Stop()
	if r := p.Command("top", p.File); r.Code != 3 {
		t.Errorf("with nobody there: %d %s", r.Code, r.Stderr)
	}
}

// await asks until the answer is yes.
func await(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(harness.Patience); !is(); {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %v", what, harness.Patience)
		}
		<-time.After(20 * time.Millisecond)
	}
}
