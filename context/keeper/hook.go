package keeper

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Hook is a short command at a turn of a slot's life. It has the slot's environment,
// directory, attributes and log, and the variables of hookEnv. It is a slot of its own
// beside the service's, with its turn as ID.Hook ("pre_stop", the second "pre_stop.2"),
// and its events are told; none of that is to be asked for, the keeper sees to it, also
// when it is alone.
type Hook struct {
	On      string        `json:"on"`
	Path    string        `json:"path"` // absolute
	Argv    []string      `json:"argv"`
	Timeout time.Duration `json:"timeout"` // then SIGKILL
}

// The turns. Hooks of the same turn run one after the other.
const (
	PreStart  = "pre_start"  // before the program is executed; one that fails is a SpawnFailed
	PostStart = "post_start" // when the provider says so, see Client.Hook: it knows what started means
	PreStop   = "pre_stop"   // before the stop signal, unless it is killed or dead
	PostStop  = "post_stop"  // when the tree is gone, however it ended; Gone follows
)

func (h Hook) check() error {
	switch {
	case !slices.Contains([]string{PreStart, PostStart, PreStop, PostStop}, h.On):
		return fmt.Errorf("hook on %q does not exist", h.On)
	case !filepath.IsAbs(h.Path):
		return fmt.Errorf("hook %s: path %q is not absolute", h.On, h.Path)
	case len(h.Argv) == 0:
		return fmt.Errorf("hook %s: argv is empty", h.On)
	case h.Timeout <= 0:
		return fmt.Errorf("hook %s: timeout %v is not positive", h.On, h.Timeout)
	case strings.ContainsRune(h.Path+strings.Join(h.Argv, ""), 0):
		return fmt.Errorf("hook %s: %q holds a NUL", h.On, h.Argv)
	}
	return nil
}

// turn is the hooks of one turn under way. Owned by the loop.
type turn struct {
	of   *slot
	on   string
	left []Hook
	n    int   // how many have begun
	hook *slot // the one that runs
	then func(failure string)
}

// takeTurn runs a slot's hooks of a turn, once in its life, and then goes on: at once
// if there are none. failure is empty, or why the first that failed did. A turn ends
// with the first that fails, but for PostStop: what is left is to be tidied up.
func (s *server) takeTurn(slot *slot, on string, then func(failure string)) {
	if len(slot.spec.Hooks) == 0 {
		then("")
		return
	}
	t := &turn{of: slot, on: on, then: then}
	if !slices.Contains(slot.turned, on) {
		slot.turned = append(slot.turned, on)
		for _, h := range slot.spec.Hooks {
			if h.On == on {
				t.left = append(t.left, h)
			}
		}
	}
	if len(t.left) == 0 {
		then("")
		return
	}
	slot.turn = t
	s.nextHook(t, "")
}

// nextHook begins the next hook of a turn, or ends the turn.
func (s *server) nextHook(t *turn, failure string) {
	if len(t.left) == 0 || failure != "" && t.on != PostStop {
		t.of.turn = nil
		t.then(failure)
		return
	}
	h := t.left[0]
	t.left = t.left[1:]
	t.n++
	id := t.of.id
	if id.Hook = h.On; t.n > 1 {
		id.Hook += "." + strconv.Itoa(t.n)
	}
	spec := t.of.spec
	spec.ID, spec.Path, spec.Argv, spec.Env, spec.Hooks = id, h.Path, h.Argv, s.hookEnv(t.of, h.On), nil
	spec.Stop.Grace, spec.Output.Tail = 0, 0
	t.hook = &slot{id: id, spec: spec, state: Spawning, pidfd: -1, parent: t}
	s.slots[id] = t.hook
	s.live++
	t.hook.limit = s.timers.after(h.Timeout, func() { t.hook.overdue = true; s.kill(t.hook) })
	s.spawner.push(spec)
}

// hookOver goes on with the turn of a hook that is over.
func (s *server) hookOver(hook *slot) {
	s.timers.cancel(hook.limit)
	failure := hook.err
	switch e := hook.exit; {
	case hook.overdue:
		failure = hook.overdueReason()
	case failure != "":
	case e.Signal != 0:
		failure = "it was killed by " + signalName(e.Signal)
	case e.Code != 0:
		failure = "it exited with code " + strconv.Itoa(e.Code)
	}
	if failure != "" {
		failure = fmt.Sprintf("hook %s `%s`: %s", hook.parent.on, strings.Join(hook.spec.Argv, " "), failure)
	}
	s.nextHook(hook.parent, failure)
}

// overdueReason is why a hook was killed, if it was by its timeout.
func (slot *slot) overdueReason() string {
	if !slot.overdue {
		return ""
	}
	return "it took longer than its timeout"
}

// cut ends the turn under way, if there is one, before its time; false: there is none.
// What it was to be followed by does not.
func (s *server) cut(slot *slot, then func(failure string)) bool {
	t := slot.turn
	if t == nil {
		return false
	}
	t.left, t.then = nil, then
	s.kill(t.hook)
	return true
}

// unspawned is what follows hooks that were cut short before the program was executed.
func (slot *slot) unspawned(s *server) func(string) {
	return func(string) { s.fail(slot, "it was stopped before it was spawned") }
}

// preStop has the hooks of a stop run before its signal, each within its timeout; the
// grace begins afterwards. False: there is nothing to wait for. A stop that comes
// meanwhile changes the recipe; a kill does not wait.
func (s *server) preStop(slot *slot, r Recipe) bool {
	if t := slot.turn; t != nil && t.on == PreStop {
		slot.recipe = r
		return true
	}
	hooked := slices.ContainsFunc(slot.spec.Hooks, func(h Hook) bool { return h.On == PreStop })
	if !hooked || slot.exited || slices.Contains(slot.turned, PreStop) {
		s.cut(slot, func(string) {}) // of post_start
		return false
	}
	slot.state, slot.recipe = Stopping, r
	stop := func(string) {
		s.takeTurn(slot, PreStop, func(string) { s.stop(slot, &slot.recipe) })
	}
	if !s.cut(slot, stop) {
		stop("")
	}
	return true
}

// hurryTurn ends the hook that runs: whoever kills does not wait for it. What comes
// next goes on.
func (s *server) hurryTurn(slot *slot) {
	if t := slot.turn; t != nil {
		t.left = nil
		s.kill(t.hook)
	}
}

// hookEnv is the environment of a slot's hooks: its own, and who it is about.
func (s *server) hookEnv(slot *slot, on string) []string {
	env := append(slices.Clip(slot.spec.Env), "ZMS_HOOK="+on)
	if slot.pid != 0 {
		env = append(env, "ZMS_PID="+strconv.Itoa(slot.pid))
	}
	if on != PostStop {
		return env
	}
	code, signal, result := strconv.Itoa(slot.exit.Code), "", "failure"
	if slot.exit.Signal != 0 {
		code, signal = "", signalName(slot.exit.Signal)
	}
	if slot.asked || s.ending || code == "0" {
		result = "success"
	}
	return append(env, "ZMS_EXIT_CODE="+code, "ZMS_EXIT_SIGNAL="+signal, "ZMS_RESULT="+result)
}

// signalNames are those of signal(7) from 1 up, as on all architectures but MIPS.
var signalNames = strings.Fields("HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS")

func signalName(sig syscall.Signal) string {
	if n := int(sig); n > 0 && n <= len(signalNames) {
		return "SIG" + signalNames[n-1]
	}
	return "signal " + strconv.Itoa(int(sig))
}
