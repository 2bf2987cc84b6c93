package keeper

import (
	"fmt"
	"os"
	"strconv"
	"syscall"
	"time"

	"zmicroservices/context/keeper/kernel"
)

// Guard says how a provider that executes another program in its own place is brought
// back, should that not do: the program it was, from a descriptor, as it was called.
type Guard struct {
	// Program, Stdin, Stdout and Stderr name descriptors of the store.
	Program string `json:"program"`
	Stdin   string `json:"stdin"`
	Stdout  string `json:"stdout"`
	Stderr  string `json:"stderr"`

	Argv []string `json:"argv"`
	Env  []string `json:"env"`
	Dir  string   `json:"dir"`
	// Within is how long the new one must live after it said that it is ready, and
	// Patience how long it may take until then.
	Within   time.Duration `json:"within"`
	Patience time.Duration `json:"patience"`
}

// RolledBackName is an environment variable of a provider that was brought back: why.
const RolledBackName = "ZMS_ROLLED_BACK"

// guard watches a provider that is another program by now, or about to be.
type guard struct {
	Guard
	pid   int
	pidfd int
	until *timer
	left  time.Time
	why   string // it was killed
	proof bool   // it is ready, and has to live on
}

type guardState struct {
	Guard Guard         `json:"guard"`
	PID   int           `json:"pid"`
	FD    int           `json:"fd"`
	Left  time.Duration `json:"left"`
	Proof bool          `json:"proof"`
}

// guardProvider begins to watch the connection's provider; a Guard without Argv ends it.
func (s *server) guardProvider(c *conn, m *message) {
	reply := &message{Kind: kindReply, Req: m.Req}
	s.unguard()
	if m.Guard != nil && len(m.Guard.Argv) > 0 {
		g := &guard{Guard: *m.Guard, pid: c.pid}
		var err error
		for _, name := range []string{g.Program, g.Stdin, g.Stdout, g.Stderr} {
			if _, ok := s.store[name]; !ok {
				err = ErrNoDescriptor
			}
		}
		if err == nil {
			g.pidfd, err = kernel.OpenPidfd(c.pid, 0)
		}
		if err != nil {
			reply.Err = err.Error()
		} else {
			s.guard = g
			s.watch(g.pidfd, g)
			s.await(g, g.Patience)
		}
	}
	c.send(reply)
}

// await gives the provider this long.
func (s *server) await(g *guard, d time.Duration) {
	s.timers.cancel(g.until)
	g.left = time.Now().Add(d)
	g.until = s.timers.after(d, func() {
		if g.proof {
			s.unguard()
			return
		}
		g.why = fmt.Sprintf("it was not ready within %v", g.Patience)
		_ = kernel.Signal(g.pidfd, syscall.SIGKILL)
	})
}

// proven begins the time that a new program has to live: it said that it is ready.
func (s *server) proven(c *conn) {
	if g := s.guard; g != nil && g.pid == c.pid && !g.proof {
		g.proof = true
		s.await(g, g.Within)
	}
}

// unguard ends the watch.
func (s *server) unguard() {
	g := s.guard
	if g == nil {
		return
	}
	s.guard = nil
	s.timers.cancel(g.until)
	if g.pidfd >= 0 {
		s.forget(g.pidfd)
		_ = syscall.Close(g.pidfd)
	}
	s.releaseGuard(g)
}

func (s *server) releaseGuard(g *guard) {
	for _, name := range []string{g.Program, g.Stdin, g.Stdout, g.Stderr} {
		_ = s.store.release(name)
	}
}

// ready: the provider has died under the new program.
func (g *guard) ready(s *server) {
	s.forget(g.pidfd)
	_ = syscall.Close(g.pidfd)
	g.pidfd = -1
	if s.ward != nil && s.ward.pid == g.pid {
		return // the ward's own watch knows how it ended
	}
	s.rollBack(g, "the new provider died")
}

// rollBack starts the program that the provider was.
func (s *server) rollBack(g *guard, how string) {
	s.guard = nil
	s.timers.cancel(g.until)
	if g.pidfd >= 0 {
		s.forget(g.pidfd)
		_ = syscall.Close(g.pidfd)
	}
	if g.why != "" {
		how = g.why
	}
	if s.ending {
		return
	}
	pid, pidfd, err := g.start(s, how)
	if err != nil {
		s.note(fmt.Sprintf("provider not rolled back: %v", err))
		s.releaseGuard(g)
		s.leftAlone(how)
		return
	}
	s.note(fmt.Sprintf("provider rolled back: %s; pid %d runs the program that it was", how, pid))
	s.expect(g.Patience)
	if s.ward != nil {
		w := s.ward
		w.path, w.argv, w.env = s.storePath(g.Program), g.Argv, g.Env
		w.pid, w.pidfd, w.born = pid, pidfd, time.Now()
		s.watch(pidfd, w)
		return // the program stays in the store: it may be needed again
	}
	s.kin = pid
	_ = syscall.Close(pidfd)
	s.releaseGuard(g)
}

// start executes it with the stdin, stdout and stderr that it had.
func (g *guard) start(s *server, how string) (pid, pidfd int, err error) {
	pidfd = -1
	pid, err = syscall.ForkExec(s.storePath(g.Program), g.Argv, &syscall.ProcAttr{
		Dir: g.Dir, Env: append(append([]string{}, g.Env...), RolledBackName+"="+how),
		Files: []uintptr{uintptr(s.store[g.Stdin]), uintptr(s.store[g.Stdout]), uintptr(s.store[g.Stderr])},
		Sys:   &syscall.SysProcAttr{Setpgid: true, PidFD: &pidfd},
	})
	if err == nil && pidfd < 0 {
		pidfd, err = kernel.OpenPidfd(pid, 0)
	}
	return pid, pidfd, err
}

// storePath is the path of a descriptor in the store, for us and our children.
func (s *server) storePath(name string) string {
	return "/proc/" + strconv.Itoa(os.Getpid()) + "/fd/" + strconv.Itoa(s.store[name])
}

func (g *guard) state() *guardState {
	if g == nil {
		return nil
	}
	return &guardState{Guard: g.Guard, PID: g.pid, FD: g.pidfd, Left: time.Until(g.left), Proof: g.proof}
}

func (s *server) resumeGuard(st *guardState) {
	if st == nil {
		return
	}
	s.guard = &guard{Guard: st.Guard, pid: st.PID, pidfd: st.FD, proof: st.Proof}
	s.watch(st.FD, s.guard)
	s.await(s.guard, st.Left)
}
