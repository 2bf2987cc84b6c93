package keeper

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"

	"zmicroservices/context/keeper/kernel"
)

// ward is the provider below a keeper that is outermost (--init): no slot, since
// it asks for slots, but a process that is started, watched and started again.
type ward struct {
	path    string // "" is argv[0]
	argv    []string
	env     []string // nil is ours
	pid     int      // 0: none runs
	pidfd   int
	born    time.Time
	greeted bool // one of them has said hello, ever
	told    bool // to end, by a signal of ours
	code    int  // how the last one ended, as a shell says it
	delay   time.Duration
	next    *timer // of the next start, or of patience with the last
}

const (
	// steady is how long a provider must live for its death to be a first one.
	steady = 10 * time.Second
	// The first death is followed by a start at once, early ones after it by delays
	// that double from minDelay to maxDelay.
	minDelay = 100 * time.Millisecond
	maxDelay = 30 * time.Second
	// wardPatience is how long a provider may take to end once nothing is left.
	wardPatience = 10 * time.Second
)

// start runs the provider with our own stdin, stdout and stderr, in a group of its
// own: what a terminal sends to our group comes to it once, from us.
func (w *ward) start(s *server) error {
	pidfd := -1
	path, env := w.path, w.env
	if path == "" {
		path = w.argv[0]
	}
	if env == nil {
		env = withoutManager(os.Environ())
	}
	pid, err := syscall.ForkExec(path, w.argv, &syscall.ProcAttr{
		Env: env, Files: []uintptr{0, 1, 2}, Sys: &syscall.SysProcAttr{Setpgid: true, PidFD: &pidfd},
	})
	if err == nil && pidfd < 0 {
		pidfd, err = kernel.OpenPidfd(pid, 0)
	}
	if err != nil {
		return fmt.Errorf("execute %s: %w", w.argv[0], err)
	}
	w.pid, w.pidfd, w.born = pid, pidfd, time.Now()
	s.watch(pidfd, w)
	return nil
}

// withoutManager takes out what the service manager says to us alone: sd_notify(3),
// sd_watchdog_enabled(3), sd_listen_fds(3).
func withoutManager(env []string) []string {
	var rest []string
	for _, entry := range env {
		name, _, _ := strings.Cut(entry, "=")
		if name == "NOTIFY_SOCKET" || strings.HasPrefix(name, "WATCHDOG_") || strings.HasPrefix(name, "LISTEN_") {
			continue
		}
		rest = append(rest, entry)
	}
	return rest
}

// ready is the pidfd's news: the provider is dead.
func (w *ward) ready(s *server) {
	var status syscall.WaitStatus
	s.forget(w.pidfd)
	if got, err := syscall.Wait4(w.pid, &status, syscall.WNOHANG, nil); err == nil && got != w.pid {
		s.timers.after(10*time.Millisecond, func() { w.ready(s) }) // a debugger has the first word
		return
	}
	_ = syscall.Close(w.pidfd)
	pid := w.pid
	w.pid, w.pidfd, w.code = 0, -1, status.ExitStatus()
	if status.Signaled() {
		w.code = 128 + int(status.Signal())
	}
	how := fmt.Sprintf("provider %d ended with %s", pid, describe(status))
	if g := s.guard; g != nil && g.pid == pid && !s.ending && !w.told {
		s.rollBack(g, how)
		return
	}
	switch {
	case s.swept:
		s.allStopped()
	case s.ending:
	case w.code == 0, w.told, !w.greeted && status.Exited():
		// It has ended in order, or will not do better the next time.
		s.stopAll(how)
	default:
		w.again(s, how)
	}
}

// again starts the next one, at once or later.
func (w *ward) again(s *server, why string) {
	if time.Since(w.born) >= steady {
		w.delay = 0
	}
	why = fmt.Sprintf("%s: another one is started in %v", why, w.delay)
	s.note(why)
	s.manager.say("STATUS=" + why)
	if s.alone == nil && s.conn == nil { // it had not come so far
		s.leftAlone(why)
	}
	w.next = s.timers.after(w.delay, func() {
		if s.ending {
			return
		}
		if err := w.start(s); err != nil {
			w.born = time.Now()
			w.again(s, err.Error())
		}
	})
	w.delay = min(max(2*w.delay, minDelay), maxDelay)
}

// forward passes a signal on that asks for the end. Without a provider it is ours.
func (w *ward) forward(s *server, sig syscall.Signal) {
	if w.pid == 0 {
		w.code = 0
		s.stopAll("signal without a provider")
		return
	}
	w.told = true
	s.manager.say("STOPPING=1\nSTATUS=" + sig.String())
	_ = kernel.Signal(w.pidfd, sig)
}

// hung ends a provider that was silent: it will not do so itself.
func (w *ward) hung() {
	if w.pid != 0 {
		_ = kernel.Signal(w.pidfd, syscall.SIGKILL)
	}
}

// end makes the last provider end, now that it has nothing left, and says whether
// it has.
func (w *ward) end(s *server) bool {
	if w.pid == 0 {
		return true
	}
	if w.next == nil || w.next.index < 0 {
		w.next = s.timers.after(wardPatience, func() {
			_ = kernel.Signal(w.pidfd, syscall.SIGTERM)
			w.next = s.timers.after(wardPatience, w.hung)
		})
	}
	return false
}
