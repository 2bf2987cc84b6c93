package sample

import (
	"errors"
	"slices"

	"golang.org/x/sys/unix"
)

// thread is one thread of a process, with its open files.
type thread struct {
	tid            int32
	stat, children file
	seen           bool
}

func (t *thread) close(s *Sampler) {
	s.files.drop(&t.stat)
	s.files.drop(&t.children)
}

// readTasks reads threads and children. A child is listed with the thread that has
// forked it, so that all of them have to be asked. A process that has slept has the
// threads that it had; children it may have inherited.
func (e *entry) readTasks(s *Sampler, w Want, slept bool) {
	fd, fresh, err := s.files.open(e.dir, taskName, unix.O_RDONLY|unix.O_DIRECTORY, &e.tasks)
	if err != nil {
		e.lack("threads", err)
		return
	}
	defer s.files.done(fd, fresh)
	alone := e.NumThreads == 1 && len(e.threads) == 1 && e.threads[0].tid == e.PID
	if !alone && !slept {
		if err := e.listThreads(s, fd); err != nil {
			e.lack("threads", err)
			return
		}
	}
	e.kids = e.kids[:0]
	if !slept {
		e.Threads = e.Threads[:0]
	}
	for i := range e.threads {
		t := &e.threads[i]
		if err := e.readChildren(s, fd, t); err != nil && !isGone(err) {
			if errors.Is(err, unix.ENOENT) {
				err = errors.New("this kernel was built without PROC_CHILDREN")
			}
			e.lack("children", err)
		}
		if w&Threads != 0 && !slept {
			e.readThread(s, fd, t)
		}
	}
}

// isGone says that a thread has ended meanwhile, which is no gap.
func isGone(err error) bool { return errors.Is(err, unix.ESRCH) }

// listThreads brings the list up to date. Those that stay keep their place and files.
func (e *entry) listThreads(s *Sampler, tasks int) error {
	for i := range e.threads {
		e.threads[i].seen = false
	}
	s.list = s.list[:0]
	if err := s.files.each(tasks, s.listed); err != nil {
		return err
	}
	at := 0
	for _, tid := range s.list {
		if at >= len(e.threads) || e.threads[at].tid != tid {
			at = slices.IndexFunc(e.threads, func(t thread) bool { return t.tid == tid })
		}
		if at < 0 {
			at = len(e.threads)
			e.threads = append(e.threads, thread{tid: tid})
		}
		e.threads[at].seen = true
		at++
	}
	e.threads = slices.DeleteFunc(e.threads, func(t thread) bool {
		if !t.seen {
			t.close(s)
		}
		return !t.seen
	})
	return nil
}

func (e *entry) readChildren(s *Sampler, tasks int, t *thread) error {
	b, err := s.files.read(tasks, s.files.path(t.tid, "/children"), &t.children)
	if err != nil {
		return err
	}
	for f := (fields{b}); ; {
		pid, ok := f.next()
		if !ok {
			return nil
		}
		e.kids = append(e.kids, int32(pid))
	}
}

// readThread reads one thread. One that has just ended is left out, the others stay.
func (e *entry) readThread(s *Sampler, tasks int, t *thread) {
	b, err := s.files.read(tasks, s.files.path(t.tid, "/stat"), &t.stat)
	if err != nil {
		return
	}
	st := &s.stat
	if parseStat(b, st) != nil {
		return
	}
	e.Threads = append(e.Threads, Thread{TID: t.tid, Letter: st.letter, Ticks: st.start})
	times := &e.Threads[len(e.Threads)-1].Times
	times.CPU, times.User, times.System, times.Iowait = "cpu", seconds(st.utime), seconds(st.stime), seconds(st.iowait)
}
