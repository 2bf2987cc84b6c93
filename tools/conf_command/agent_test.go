package main

import (
	"context"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

// sleeper is a process that knows nothing of us.
func sleeper(t *testing.T) (pid string, end func()) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sleep", "1000")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	end = func() {
		_ = cmd.Process.Kill() // it may have ended
		_ = cmd.Wait()
	}
	t.Cleanup(end)
	return strconv.Itoa(cmd.Process.Pid), end
}

func TestAnAgentSpeaksForAnyProcess(t *testing.T) {
	p := startScript(t, "testdata/plant.py")
	file := p.file()
	for name, end := range map[string]func(stop, kill func()){
		"process 4711 is gone": func(_, kill func()) { kill() },
		"agent stopped":        func(stop, _ func()) { stop() },
	} {
		t.Run(name, func(t *testing.T) {
			pid, kill := sleeper(t)
			reason := strings.Replace(name, "4711", pid, 1)
			var out, err shared
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			code := make(chan int, 1) // of the run, once
			go func() {               // ends with the process, or with stop
				code <- run(ctx, []string{"agent", "--name", "spare", "--type", "probe", "--pid", pid, "--interval", "50ms", "--version", "7", "--host", "edge7", file}, testWorld(&out, &err))
			}()
			for _, said := range [][2]string{{"contact", `"pid":` + pid}, {"state.config", "/sleep"}} { // in that order
				if got := p.heard("hippodamia." + said[0]); !strings.Contains(got, said[1]) {
					t.Errorf("%s is not in %s", said[1], got)
				}
			}
			p.heard("hippodamia.state.ping") // and again, after the interval
			end(stop, kill)
			if got := p.heard("hippodamia.state.end"); !strings.Contains(got, `"gid":"given"`) || !strings.Contains(got, `"reason":"`+reason+`"`) {
				t.Error(got)
			}
			if c := <-code; c != 0 || !strings.Contains(err.String(), "spare (process "+pid+", gid ") || !strings.HasSuffix(err.String(), "spare: "+reason+"\n") {
				t.Errorf("code %d: %s", c, err.String())
			}
		})
	}
	t.Run("one that is not there", func(t *testing.T) {
		pid, kill := sleeper(t)
		kill()
		program(t, "agent", "--name", "spare", "--type", "probe", "--pid", pid, file).expect(t, 1, "", "process is gone")
	})
	t.Run("usage", func(t *testing.T) {
		program(t, "agent", "--name", "spare", "--pid", "1", file).expect(t, 2, "", "--name and --type are needed")
		program(t, "agent", "--name", "spare", "--type", "probe", file).expect(t, 2, "", "--pid is needed")
		program(t, "agent", "--name", "a", "--type", "b", "--pid", "1", "--interval", "1ns", file).expect(t, 2, "", "--interval 1ns is below")
		program(t, "agent", "--name", "a", "--type", "b", "--pid", "1").expect(t, 2, "", "the Context file is missing")
		program(t, "agent", "--name", "a", "--type", "b", "--pid", "1", "--endpoint", "tcp://127.0.0.1:1", "--listen_endpoint", "tcp://127.0.0.1:1").expect(t, 3, "", "nobody listens")
	})
}
