package keeper

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"zmicroservices/context/keeper/kernel"
)

const (
	// trialPatience is how long a program may think about what it is to take over.
	trialPatience = 10 * time.Second
	// quietPatience is how long a handover waits for hooks and spawns under way.
	quietPatience = 20 * time.Second
)

// handover is another program's way into this process: execve(2) keeps the pid, all
// children and zombies, the subreaper and what is not closed on exec. First the program
// reads a copy of what is to be handed over, in a process of its own; only when it
// has understood that, and nothing is half done, it is executed here.
type handover struct {
	c      *conn // who asked
	req    uint64
	fd     int // the program, of the descriptor store
	pid    int // of the trial; 0 when it is over
	pidfd  int
	errs   *os.File // what the trial has to say
	limit  *timer
	passed bool // the trial
}

// upgrade begins a handover to a program in the descriptor store.
func (s *server) upgrade(c *conn, m *message) {
	fd, ok := s.store[m.Name]
	switch {
	case !ok:
		s.denyUpgrade(c, m.Req, ErrNoDescriptor)
	case s.handover != nil:
		s.denyUpgrade(c, m.Req, errors.New("another upgrade is under way"))
	case s.ending:
		s.denyUpgrade(c, m.Req, errors.New(endingReason))
	default:
		s.handover = &handover{c: c, req: m.Req, fd: fd, pidfd: -1}
		if err := s.try(); err != nil {
			s.giveUpHandover(err)
		}
	}
}

func (s *server) denyUpgrade(c *conn, req uint64, why error) {
	c.send(&message{Kind: kindReply, Req: req, Err: why.Error()})
}

// giveUpHandover goes on as before.
func (s *server) giveUpHandover(why error) {
	h := s.handover
	s.handover = nil
	s.timers.cancel(h.limit)
	if h.errs != nil {
		_ = h.errs.Close()
	}
	if !h.c.closed {
		s.rewatch(h.c.fd, syscall.EPOLLIN)
		s.denyUpgrade(h.c, h.req, why)
	}
}

// program is the path of the new program: its descriptor as any process of ours sees it.
func (h *handover) program(s *server) string {
	return "/proc/" + strconv.Itoa(s.pid) + "/fd/" + strconv.Itoa(h.fd)
}

// understood is what a program says that has passed its trial. An exit code alone says
// little: most programs end with 0.
const understood = "what the keeper hands over is understood"

// try runs the program on a copy of the estate.
func (s *server) try() error {
	h := s.handover
	estate, err := s.writeEstate()
	if err != nil {
		return err
	}
	defer estate.Close()
	if h.errs, err = s.scratch(); err != nil {
		return err
	}
	null := uintptr(s.spawner.null)
	argv := append(append([]string{os.Args[0]}, s.opts.before...), "--trial", "3")
	h.pid, err = syscall.ForkExec(h.program(s), argv, &syscall.ProcAttr{
		Env: os.Environ(), Files: []uintptr{null, h.errs.Fd(), h.errs.Fd(), estate.Fd()},
		Sys: &syscall.SysProcAttr{Setpgid: true, PidFD: &h.pidfd},
	})
	if err == nil && h.pidfd < 0 {
		h.pidfd, err = kernel.OpenPidfd(h.pid, 0)
	}
	if err != nil {
		h.pid = 0
		return fmt.Errorf("execute it: %w", err)
	}
	s.watch(h.pidfd, h)
	h.limit = s.timers.after(trialPatience, func() { _ = kernel.Signal(h.pidfd, syscall.SIGKILL) })
	return nil
}

// ready is the end of the trial.
func (h *handover) ready(s *server) {
	var status syscall.WaitStatus
	_, _ = syscall.Wait4(h.pid, &status, 0, nil)
	s.forget(h.pidfd)
	_ = syscall.Close(h.pidfd)
	h.pid, h.pidfd = 0, -1
	s.timers.cancel(h.limit)
	var said [512]byte
	n, _ := h.errs.ReadAt(said[:], 0)
	if text := strings.TrimSpace(string(said[:n])); status != 0 || text != understood {
		why := fmt.Errorf("it does not take over: its trial ended with %s", describe(status))
		if text != "" {
			why = fmt.Errorf("%w: %s", why, strings.ReplaceAll(text, "\n", "; "))
		}
		s.giveUpHandover(why)
		return
	}
	h.passed = true
	if h.c.closed {
		return // see handOver
	}
	// Nothing new is begun, so that what is under way comes to an end.
	s.rewatch(h.c.fd, 0)
	h.limit = s.timers.after(quietPatience, func() {
		s.giveUpHandover(fmt.Errorf("no quiet moment in %v: %s", quietPatience, s.unquiet()))
	})
}

// unquiet names what a handover has to wait for; "" in a quiet moment: what goes on is
// in the estate.
func (s *server) unquiet() string {
	for _, slot := range s.slots {
		switch {
		case slot.state == Spawning:
			return slot.id.String() + " is being spawned"
		case slot.turn != nil:
			return "hook " + slot.turn.on + " of " + slot.id.String() + " runs"
		}
	}
	switch {
	case s.conn == nil:
		return "there is no provider"
	case len(s.exited) > 0 || len(s.tappings) > 0 || len(s.conn.rights)+len(s.conn.gifts) > 0:
		return "a request is under way"
	case s.ward != nil && s.ward.pid == 0:
		return "the provider is being started"
	}
	return ""
}

// handOver executes the program that has passed its trial, if this is the moment. It
// does not return then.
func (s *server) handOver() {
	h := s.handover
	if h == nil || !h.passed {
		return
	}
	if s.conn != h.c || s.ending {
		s.giveUpHandover(errors.New("the provider left meanwhile"))
		return
	}
	if s.unquiet() != "" {
		return
	}
	if !s.logs.Settle(flushPatience) {
		return // a disk is slow: the next round asks again, until patience is over
	}
	estate, err := s.writeEstate()
	if err == nil {
		err = s.execute(h, estate)
		_ = estate.Close()
	}
	s.giveUpHandover(fmt.Errorf("execute it: %w", err))
}

// execute is the point of no return, unless it returns.
func (s *server) execute(h *handover, file *os.File) error {
	e := s.estate(h.req)
	fds := append(e.descriptors(), int(file.Fd()))
	for _, fd := range fds {
		kernel.SetCloseOnExec(fd, false)
	}
	// What comes between two programs must not end us. Both catch these as long as
	// they run; what is ignored stays so until the new one does.
	signal.Ignore(append(slices.Clone(ends), others...)...)
	argv := append(append([]string{os.Args[0]}, s.opts.before...), "--resume", strconv.Itoa(int(file.Fd())))
	err := syscall.Exec(h.program(s), append(argv, s.opts.flags...), os.Environ())
	s.hear()
	for _, fd := range fds {
		kernel.SetCloseOnExec(fd, true)
	}
	return err
}

// writeEstate writes what is to be handed over into a file that has no name. It is no
// memfd(2), whose number among the system calls is another one on each architecture.
func (s *server) writeEstate() (*os.File, error) {
	req := uint64(0)
	if s.handover != nil {
		req = s.handover.req
	}
	text, err := json.Marshal(s.estate(req))
	if err != nil {
		return nil, err
	}
	f, err := s.scratch()
	if err != nil {
		return nil, err
	}
	if _, err := f.Write(text); err != nil {
		_ = f.Close()
		return nil, err
	}
	_, err = f.Seek(0, 0)
	return f, err
}

// scratch is a file without a name.
func (s *server) scratch() (*os.File, error) {
	f, err := os.CreateTemp(s.opts.runtimeDir, ".keeper-*")
	if err == nil {
		_ = os.Remove(f.Name())
	}
	return f, err
}

// tryOut is the trial: what is in the file can be read and understood by this program.
func tryOut(fd int) error {
	_, err := loadEstate(fd)
	if err == nil {
		_, err = fmt.Println(understood)
	}
	return err
}
