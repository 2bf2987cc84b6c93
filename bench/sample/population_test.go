package sample

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"zmicroservices/test/harness"
)

// population are processes to be looked at.
type population struct {
	b    *testing.B
	pids []int
}

// populate starts n processes and waits until all have what they are to have.
func populate(b *testing.B, program string, n int, args ...string) *population {
	b.Helper()
	p := &population{b: b}
	r, w, err := os.Pipe()
	if err != nil {
		b.Fatal(err)
	}
	defer r.Close()
	life, end, err := os.Pipe() // they end when nobody has the other end any more
	if err != nil {
		b.Fatal(err)
	}
	defer life.Close()
	b.Cleanup(func() { end.Close() })
	for range n {
		cmd := exec.Command(program, args...)
		cmd.Stdin, cmd.Stdout = life, w
		if err := cmd.Start(); err != nil {
			b.Fatal(err)
		}
		p.pids = append(p.pids, cmd.Process.Pid)
		b.Cleanup(func() {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		})
	}
	w.Close()
	if _, err := io.ReadFull(bufio.NewReader(r), make([]byte, n)); err != nil {
		b.Fatalf("%d processes did not come up: %v", n, err)
	}
	return p
}

// wake has a share of them, in percent, run, and waits until it has.
func (p *population) wake(percent int) {
	p.b.Helper()
	var woken []int
	var before []int64
	for i, pid := range p.pids {
		if i*percent/100 == (i+1)*percent/100 {
			continue
		}
		woken, before = append(woken, pid), append(before, clock(pid))
		if err := syscall.Kill(pid, syscall.SIGUSR1); err != nil {
			p.b.Fatal(err)
		}
	}
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	deadline := time.Now().Add(harness.Patience)
	for i, pid := range woken {
		for clock(pid) == before[i] {
			if <-tick.C; time.Now().After(deadline) || before[i] < 0 {
				status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
				p.b.Fatalf("process %d has not run:\n%s", pid, status)
			}
		}
	}
	<-tick.C // and until it sleeps again
	<-tick.C
}

// clock is the CPU clock of a process, clock_getcpuclockid(3).
func clock(pid int) int64 {
	var t unix.Timespec
	if unix.ClockGettime(int32(^pid<<3|2), &t) != nil {
		return -1
	}
	return t.Nano()
}

// some are evenly chosen ones of them.
func (p *population) some(n int) []int {
	if n >= len(p.pids) {
		return p.pids
	}
	var chosen []int
	for i := range n {
		chosen = append(chosen, p.pids[i*len(p.pids)/n])
	}
	return chosen
}
