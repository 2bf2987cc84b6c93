package keeper

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"sync"
	"syscall"

	"zmicroservices/context/keeper/cgroup"
)

// spawners is how many threads execute programs. A second one gives 0.26 ms a
// child for 0.40, a third nothing: the kernel's fork is what takes the time.
const spawners = 2

// spawner executes programs beside the loop, so that a slow execve (a cold
// disk, a large binary) does not delay the news of an exit.
type spawner struct {
	null  int // /dev/null, for every stdin and for output that nobody wants
	host  host
	mine  int // SOCK_SEQPACKET pair: a result's ticket with its descriptors goes
	loops int // from mine to loops

	cgroups *cgroup.Tree

	mu      sync.Mutex // guards what follows
	work    *sync.Cond // there are jobs, or closed
	jobs    []Spec
	results map[uint64]spawned // by ticket, until the loop has read the ticket
	ticket  uint64
	closed  bool

	parked chan struct{} // closed by close: lets go of the main thread
}

// spawned is what became of one job.
type spawned struct {
	id      ID
	pid     int
	start   Identity
	fds     []int  // without a failure: the pidfd, then the ends of stdout and stderr if there are any
	cgroup  string // directory of its group, "" without
	failure error
}

func newSpawner(null int) (*spawner, error) {
	pair, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_SEQPACKET|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socketpair", err)
	}
	sp := &spawner{null: null, host: readHost(), mine: pair[0], loops: pair[1], results: make(map[uint64]spawned), parked: make(chan struct{})}
	sp.work = sync.NewCond(&sp.mu)
	return sp, syscall.SetNonblock(sp.loops, true)
}

func (sp *spawner) push(spec Spec) {
	sp.mu.Lock()
	defer sp.mu.Unlock()
	sp.jobs = append(sp.jobs, spec)
	sp.work.Signal()
}

// take returns the next result, with descriptors of the caller's.
func (sp *spawner) take() (spawned, bool) {
	var text [8]byte
	rights := make([]byte, syscall.CmsgSpace(3*4))
	n, oobn, _, _, err := syscall.Recvmsg(sp.loops, text[:], rights, syscall.MSG_CMSG_CLOEXEC)
	if err != nil || n != len(text) {
		return spawned{}, false
	}
	ticket := binary.NativeEndian.Uint64(text[:])
	sp.mu.Lock()
	r := sp.results[ticket]
	delete(sp.results, ticket)
	sp.mu.Unlock()
	want := len(r.fds)
	r.fds = nil
	if messages, err := syscall.ParseSocketControlMessage(rights[:oobn]); err == nil && len(messages) > 0 {
		r.fds, _ = syscall.ParseUnixRights(&messages[0])
	}
	if r.failure == nil && len(r.fds) < want {
		r.failure = syscall.EMFILE // the kernel passes as many as fit
	}
	return r, true
}

// ready is the loop's part: it takes what there is.
func (sp *spawner) ready(s *server) {
	for {
		r, ok := sp.take()
		if !ok {
			return
		}
		s.spawned(r)
	}
}

func (sp *spawner) close() {
	sp.mu.Lock()
	defer sp.mu.Unlock()
	sp.closed = true
	close(sp.parked)
	sp.work.Broadcast()
}

// run is one spawning thread, locked for two reasons.
//
// The children of a process hang on its threads: all leaders on these, and so the
// main thread's list of children is the adopted orphans and nothing else.
//
// And it has a table of descriptors of its own. A fork copies the table and an
// exec walks it: with three descriptors a service that is a thousand times three
// thousand. In a small table a spawn costs the same for the first service and the
// last. What it opens goes to the loop by SCM_RIGHTS. A thread of the runtime may be
// sent to the runtime's poller at any time, so the poller must exist before:
// its descriptors are among those copied here, and none of them may be closed.
func (sp *spawner) run(ready *sync.WaitGroup) {
	runtime.LockOSThread()
	if syscall.Gettid() == os.Getpid() {
		// Wherever the loop runs, the main thread may be free: leaders on it would be
		// taken for orphans. It is held here, so that another one is found.
		go sp.run(ready) // ends as this one would
		<-sp.parked
		return
	}
	_ = syscall.Unshare(syscall.CLONE_FILES) // a container may forbid it: slower, not wrong
	ready.Done()
	sp.mu.Lock()
	defer sp.mu.Unlock()
	for {
		for len(sp.jobs) == 0 {
			if sp.closed {
				return
			}
			sp.work.Wait()
		}
		spec := sp.jobs[0]
		sp.jobs[0] = Spec{}
		sp.jobs = sp.jobs[1:]
		sp.mu.Unlock()
		r := sp.spawn(spec)
		sp.mu.Lock()
		sp.ticket++
		sp.results[sp.ticket] = r
		text := binary.NativeEndian.AppendUint64(nil, sp.ticket)
		sp.mu.Unlock()
		_ = syscall.Sendmsg(sp.mine, text, syscall.UnixRights(r.fds...), nil, 0)
		for _, fd := range r.fds {
			_ = syscall.Close(fd)
		}
		sp.mu.Lock()
	}
}

func (sp *spawner) spawn(spec Spec) spawned {
	r := spawned{id: spec.ID}
	ends := [2]int{sp.null, sp.null}
	var ours []int
	if spec.Output != (Output{}) {
		for i := range ends {
			our, their, err := openPipe()
			if err != nil {
				r.failure = err
				closeAll(ours)
				return r
			}
			defer syscall.Close(their)
			if c := spec.credential(); c != nil {
				// It may open /dev/stdout, which is the pipe once more. What the kernel
				// refuses here it refuses the passage, which says so.
				_ = syscall.Fchown(their, int(c.UID), int(c.GID))
			}
			ours, ends[i] = append(ours, our), their
		}
	}
	// A group of its own and nothing else of the keeper's: Pdeathsig would
	// follow this thread, not this process.
	pidfd := -1
	attr := &syscall.ProcAttr{
		Dir: spec.Dir, Env: spec.Env,
		Files: []uintptr{uintptr(sp.null), uintptr(ends[0]), uintptr(ends[1])},
		Sys:   &syscall.SysProcAttr{Setpgid: true, PidFD: &pidfd},
	}
	var pid int
	var release func(bool)
	var err error
	if r.cgroup, release, err = sp.enter(&spec, attr.Sys); err != nil {
		r.failure = err
		closeAll(ours)
		return r
	}
	if pid, err = sp.execute(spec, attr); attr.Sys.UseCgroupFD && cannotBeBorn(err) && spec.Cgroup.None() {
		release(false)
		r.cgroup, release, attr.Sys.UseCgroupFD = "", func(bool) {}, false
		pid, err = sp.execute(spec, attr)
	}
	if err == nil && pidfd < 0 { // CLONE_PIDFD is of Linux 5.2: nobody would hear of the end
		_ = syscall.Kill(-pid, syscall.SIGKILL)
		_, _ = syscall.Wait4(pid, nil, 0, nil)
		err = syscall.ENOSYS
	}
	release(err == nil)
	if err != nil {
		r.failure = err
		closeAll(ours)
		return r
	}
	r.pid, r.start = pid, sp.host.identify(pid)
	r.fds = append([]int{pidfd}, ours...)
	return r
}

// execute is the fork and the exec, by way of a passage if there are attributes.
func (sp *spawner) execute(spec Spec, attr *syscall.ProcAttr) (int, error) {
	if spec.Attributes != nil {
		own, sys := *attr, *attr.Sys // become changes them
		own.Sys = &sys
		own.Files = slices.Clip(attr.Files)
		return sp.become(spec, &own)
	}
	pid, err := syscall.ForkExec(spec.Path, spec.Argv, attr)
	if err != nil {
		err = explain(spec, err)
	}
	return pid, err
}

func closeAll(fds []int) {
	for _, fd := range fds {
		_ = syscall.Close(fd)
	}
}

// explain finds out which of its paths execve or chdir did not like: the errno
// of a child tells neither.
func explain(spec Spec, err error) error {
	var st syscall.Stat_t
	if spec.Dir != "" {
		if e := syscall.Stat(spec.Dir, &st); e != nil {
			return fmt.Errorf("change directory to %s: %w", spec.Dir, e)
		}
		if st.Mode&syscall.S_IFMT != syscall.S_IFDIR {
			return fmt.Errorf("change directory to %s: %w", spec.Dir, syscall.ENOTDIR)
		}
	}
	if errors.Is(err, syscall.ENOENT) && syscall.Stat(spec.Path, &st) == nil {
		return fmt.Errorf("execute %s: its interpreter: %w", spec.Path, err)
	}
	return fmt.Errorf("execute %s: %w", spec.Path, err)
}
