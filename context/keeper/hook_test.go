package keeper

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// sh is a hook that a shell runs.
func sh(on, script string) Hook {
	return Hook{On: on, Path: "/bin/sh", Argv: []string{"sh", "-c", script}, Timeout: 20 * time.Second}
}

// hooked is a slot with hooks whose log is what they say.
func hooked(h *held, args []string, hooks ...Hook) Spec {
	s := spec("ts001", append([]string{"child"}, args...)...)
	s.Output.Log, s.Hooks = filepath.Join(h.dir, "log"), hooks
	return s
}

// said is the log without its times.
func (h *held) said() []string {
	h.t.Helper()
	text, err := os.ReadFile(filepath.Join(h.dir, "log"))
	if err != nil {
		h.t.Fatal(err)
	}
	var out []string
	for line := range strings.Lines(string(text)) {
		out = append(out, strings.TrimSuffix(line[strings.Index(line, " ")+1:], "\n"))
	}
	return out
}

// told is the order of events, of hooks with their turn.
func (h *held) told() []string {
	var out []string
	for _, ev := range h.seen {
		out = append(out, ev.ID.Hook+" "+string(ev.Kind))
	}
	return out
}

func TestHooksComeInTheirTurns(t *testing.T) {
	h := start(t)
	id := h.spawn(hooked(h, []string{"polite"},
		sh(PreStart, `echo $ZMS_HOOK 1 $ZMS_TASK $ZMS_PID`), sh(PreStart, "echo $ZMS_HOOK 2"), sh(PostStart, `echo $ZMS_HOOK "${ZMS_PID:+of a pid}"`),
		sh(PreStop, `echo $ZMS_HOOK "${ZMS_PID:+of a pid}"`), sh(PostStop, `echo "$ZMS_HOOK $ZMS_RESULT code $ZMS_EXIT_CODE signal $ZMS_EXIT_SIGNAL"`)))
	h.await(id, Spawned)
	h.awaitLog(filepath.Join(h.dir, "log"), "up")
	post := id
	post.Hook = PostStart
	for range 2 { // it is taken once
		if err := h.Hook(id, PostStart); err != nil {
			t.Fatal(err)
		}
	}
	h.await(post, Gone)
	if err := h.Stop(id, nil); err != nil {
		t.Fatal(err)
	}
	h.await(id, Gone)
	if got, want := h.said(), []string{
		"out pre_start 1 tr/ts001/1", "out pre_start 2", "out up", "out post_start of a pid", "out pre_stop of a pid",
		"out got terminated", "out post_stop success code 7 signal ",
	}; !slices.Equal(got, want) {
		t.Errorf("said %q, want %q", got, want)
	}
	want := strings.Fields("pre_start:spawned pre_start:exited pre_start:gone pre_start.2:spawned pre_start.2:exited pre_start.2:gone :spawned " +
		"post_start:spawned post_start:exited post_start:gone pre_stop:spawned pre_stop:exited pre_stop:gone :exited post_stop:spawned post_stop:exited post_stop:gone :gone")
	for i := range want {
		want[i] = strings.Replace(want[i], ":", " ", 1)
	}
	if got := h.told(); !slices.Equal(got, want) {
		t.Errorf("told %q, want %q", got, want)
	}
}

func TestAFailedPreStartIsAFailedSpawn(t *testing.T) {
	for name, c := range map[string]struct {
		hook Hook
		want string
	}{
		"code":    {sh(PreStart, "exit 3"), "hook pre_start `sh -c exit 3`: it exited with code 3"},
		"signal":  {sh(PreStart, "kill -9 $$"), "hook pre_start `sh -c kill -9 $$`: it was killed by SIGKILL"},
		"timeout": {Hook{PreStart, "/bin/sleep", []string{"sleep", "60"}, 20 * time.Millisecond}, "hook pre_start `sleep 60`: it took longer than its timeout"},
		"nothing": {Hook{PreStart, "/no/such/file", []string{"x"}, time.Second}, "hook pre_start `x`: execute /no/such/file: no such file or directory"},
		"wrong":   {Hook{"on_moon", "/bin/true", []string{"x"}, time.Second}, `hook on "on_moon" does not exist`},
	} {
		t.Run(name, func(t *testing.T) {
			h := start(t)
			id := h.spawn(hooked(h, []string{"hang"}, c.hook, sh(PreStart, "echo no more"), sh(PostStop, "echo no more")))
			if ev := h.await(id, SpawnFailed); ev.Err != c.want {
				t.Errorf("got %q, want %q", ev.Err, c.want)
			}
			if log, err := os.ReadFile(filepath.Join(h.dir, "log")); err == nil {
				t.Errorf("something ran: %s", log)
			}
			if st, err := h.Stats(t.Context()); err != nil || st.Live != 0 {
				t.Errorf("stats %+v, %v", st, err)
			}
		})
	}
}

func TestAStopDuringPreStartEndsTheHookAndNothingIsSpawned(t *testing.T) {
	for name, end := range map[string]func(*held, ID) error{
		"stop": func(h *held, id ID) error { return h.Stop(id, nil) },
		"kill": func(h *held, id ID) error { return h.Kill(id) },
	} {
		t.Run(name, func(t *testing.T) {
			h := start(t)
			id := h.spawn(hooked(h, []string{"hang"}, sh(PreStart, "exec sleep 60")))
			hook := id
			hook.Hook = PreStart
			h.await(hook, Spawned)
			if err := end(h, id); err != nil {
				t.Fatal(err)
			}
			if ev := h.await(id, SpawnFailed); ev.Err != "it was stopped before it was spawned" {
				t.Errorf("got %q", ev.Err)
			}
			h.nothingLeft()
		})
	}
}

func TestPostStopComesAfterACrashAndAfterAKill(t *testing.T) {
	const say = `echo "$ZMS_RESULT $ZMS_EXIT_CODE $ZMS_EXIT_SIGNAL"`
	for name, c := range map[string]struct {
		args []string
		end  func(*held, ID) error
		want string
	}{
		"crash":           {[]string{"exit", "42"}, nil, "out failure 42 "},
		"its own end":     {[]string{"exit", "0"}, nil, "out success 0 "},
		"another's kill":  {[]string{"hang"}, func(h *held, id ID) error { return syscall.Kill(h.await(id, Spawned).PID, syscall.SIGKILL) }, "out failure  SIGKILL"},
		"provider's kill": {[]string{"stubborn"}, func(h *held, id ID) error { return h.Kill(id) }, "out success  SIGKILL"},
	} {
		t.Run(name, func(t *testing.T) {
			h := start(t)
			id := h.spawn(hooked(h, c.args, sh(PreStop, "echo wrong"), sh(PostStop, "exit 1"), sh(PostStop, say)))
			h.await(id, Spawned)
			if len(c.args) == 1 {
				h.awaitLog(filepath.Join(h.dir, "log"), "up")
			}
			if c.end != nil {
				if err := c.end(h, id); err != nil {
					t.Fatal(err)
				}
			}
			h.await(id, Gone)
			if got := h.said(); got[len(got)-1] != c.want || slices.Contains(got, "out wrong") {
				t.Errorf("said %q, want %q", got, c.want)
			}
		})
	}
}

// A hook that does not end is ended: by its timeout, and by a kill at once. Nothing
// waits for it longer.
func TestAHookThatHangsHoldsUpNothing(t *testing.T) {
	h := start(t)
	slow := sh(PreStop, "exec sleep 60")
	slow.Timeout = 20 * time.Millisecond
	id := h.spawn(hooked(h, []string{"polite"}, slow, sh(PostStop, "exec sleep 60")))
	h.awaitLog(filepath.Join(h.dir, "log"), "up")
	if err := h.Stop(id, nil); err != nil {
		t.Fatal(err)
	}
	pre, post := id, id
	pre.Hook, post.Hook = PreStop, PostStop
	if ev := h.await(pre, Exited); ev.Signal != syscall.SIGKILL {
		t.Errorf("pre_stop: got %+v", ev)
	}
	h.await(post, Spawned)
	if ev := h.await(id, Exited); ev.Code != 7 {
		t.Errorf("the service: got %+v", ev)
	}
	if err := h.Kill(id); err != nil {
		t.Fatal(err)
	}
	h.await(id, Gone)
	h.nothingLeft()
}

func TestAServiceThatEndsDuringItsPreStopIsGoneAfterIt(t *testing.T) {
	h := start(t)
	id := h.spawn(hooked(h, []string{"polite"},
		sh(PreStop, "kill -USR1 $ZMS_PID; while kill -0 $ZMS_PID 2>/dev/null; do :; done; echo pre"), sh(PostStop, "echo post")))
	h.awaitLog(filepath.Join(h.dir, "log"), "up")
	if err := h.Stop(id, nil); err != nil {
		t.Fatal(err)
	}
	h.await(id, Exited)
	h.await(id, Gone)
	if got := h.said(); !slices.Equal(got[len(got)-2:], []string{"out pre", "out post"}) {
		t.Errorf("said %q", got)
	}
}

func TestAKeeperThatIsAloneRunsTheHooks(t *testing.T) {
	h := start(t)
	id := h.spawn(hooked(h, []string{"polite"}, sh(PreStop, "echo pre"), sh(PostStop, "echo post $ZMS_RESULT")))
	h.awaitLog(filepath.Join(h.dir, "log"), "up")
	h.await(id, Spawned)
	_ = h.Close() // no linger time: everything is stopped
	h.awaitLog(filepath.Join(h.dir, "log"), "post")
	if got, want := h.said(), []string{"out up", "out pre", "out got terminated", "out post success"}; !slices.Equal(got, want) {
		t.Errorf("said %q, want %q", got, want)
	}
}
