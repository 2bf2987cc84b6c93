package supervise

import (
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"sync/atomic"
	"syscall"
)

const loopRole = "bare loop"

// loop is the least that a supervisor can do: spawn, wait, spawn again, and on
// SIGTERM end them all.
func loop() error {
	if len(os.Args) != 3 {
		return fmt.Errorf("loop SERVICE N, not %q", os.Args)
	}
	n, err := strconv.Atoi(os.Args[2])
	if err != nil {
		return err
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	fd := null.Fd()
	attr := &syscall.ProcAttr{Env: os.Environ(), Files: []uintptr{fd, fd, fd}}
	var stopping atomic.Bool
	stop := make(chan os.Signal, 1) // one is enough
	signal.Notify(stop, syscall.SIGTERM)
	live := make(map[int]bool, n)
	for range n {
		pid, err := syscall.ForkExec(os.Args[1], os.Args[1:2], attr)
		if err != nil {
			return err
		}
		live[pid] = true
	}
	// A wait cannot be interrupted: an end of one child more tells it. Ends with
	// the process.
	bell, err := syscall.ForkExec(os.Args[1], os.Args[1:2], &syscall.ProcAttr{Env: []string{"STAMP=/dev/null"}, Files: attr.Files})
	if err != nil {
		return err
	}
	go func() {
		<-stop
		stopping.Store(true)
		_ = syscall.Kill(bell, syscall.SIGKILL)
	}()
	for {
		pid, err := syscall.Wait4(-1, nil, 0, nil)
		switch {
		case err == syscall.EINTR:
			continue
		case err == syscall.ECHILD:
			return nil
		case err != nil:
			return err
		}
		delete(live, pid)
		switch {
		case pid == bell:
			for pid := range live {
				_ = syscall.Kill(pid, syscall.SIGTERM)
			}
		case !stopping.Load():
			again, err := syscall.ForkExec(os.Args[1], os.Args[1:2], attr)
			if err != nil {
				return err
			}
			live[again] = true
		}
	}
}
