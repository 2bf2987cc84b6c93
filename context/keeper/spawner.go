package keeper

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"syscall"
)

// spawners is how many threads execute programs. A second one gives 0.26 ms a
// child for 0.40, a third nothing: the kernel's fork is what takes the time.
const spawners = 2

// spawner executes programs beside the loop, so that a slow execve (a cold
// disk, a large binary) does not delay the news of an exit.
type spawner struct {
	null int    // /dev/null, for every stdin and for output that nobody wants
	fifo string // directory of the FIFOs
	host host
	wake func() // tells the loop to take the results

	mu      sync.Mutex // guards what follows
	work    *sync.Cond // there are jobs, or closed
	jobs    []Spec
	results []spawned
	closed  bool
}

// spawned is what became of one job.
type spawned struct {
	id       ID
	pid      int
	pidfd    int
	start    Identity
	out, err int // our ends of the FIFOs, -1 none
	failure  error
}

func newSpawner(fifo string, null int, wake func()) *spawner {
	sp := &spawner{null: null, fifo: fifo, host: readHost(), wake: wake}
	sp.work = sync.NewCond(&sp.mu)
	return sp
}

func (sp *spawner) push(spec Spec) {
	sp.mu.Lock()
	defer sp.mu.Unlock()
	sp.jobs = append(sp.jobs, spec)
	sp.work.Signal()
}

// take returns the results since the last call.
func (sp *spawner) take() []spawned {
	sp.mu.Lock()
	defer sp.mu.Unlock()
	results := sp.results
	sp.results = nil
	return results
}

func (sp *spawner) close() {
	sp.mu.Lock()
	defer sp.mu.Unlock()
	sp.closed = true
	sp.work.Broadcast()
}

// run is one spawning thread. It stays locked to its thread, because the
// children of a process hang on its threads: all leaders on these, and so the
// main thread's list of children is the adopted orphans and nothing else.
func (sp *spawner) run() {
	runtime.LockOSThread()
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
		sp.results = append(sp.results, r)
		sp.wake()
	}
}

func (sp *spawner) spawn(spec Spec) spawned {
	r := spawned{id: spec.ID, pidfd: -1, out: -1, err: -1}
	stdout, stderr := sp.null, sp.null
	if spec.Output != (Output{}) {
		if r.out, stdout, r.failure = openFIFO(fifoPath(sp.fifo, spec.ID, "out")); r.failure != nil {
			return r
		}
		defer syscall.Close(stdout)
		if r.err, stderr, r.failure = openFIFO(fifoPath(sp.fifo, spec.ID, "err")); r.failure != nil {
			return r
		}
		defer syscall.Close(stderr)
	}
	// A group of its own and nothing else of the keeper's: Pdeathsig would
	// follow this thread, not this process.
	pid, err := syscall.ForkExec(spec.Path, spec.Argv, &syscall.ProcAttr{
		Dir: spec.Dir, Env: spec.Env,
		Files: []uintptr{uintptr(sp.null), uintptr(stdout), uintptr(stderr)},
		Sys:   &syscall.SysProcAttr{Setpgid: true, PidFD: &r.pidfd},
	})
	if err != nil {
		r.failure = explain(spec, err)
		return r
	}
	r.pid = pid
	if r.pidfd < 0 {
		// CLONE_PIDFD is of Linux 5.2. Without it nobody would hear of the end.
		if r.pidfd, r.failure = pidfdOpen(pid, 0); r.failure != nil {
			_ = syscall.Kill(-pid, syscall.SIGKILL)
			_, _ = syscall.Wait4(pid, nil, 0, nil)
			return r
		}
	}
	r.start = sp.host.identify(pid)
	return r
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
