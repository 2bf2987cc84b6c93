package kernel

import (
	"os"
	"os/exec"
	"slices"
	"syscall"
	"testing"
	"time"
)

func TestADeadChildIsLookedAtAndLeftThere(t *testing.T) {
	cmd := exec.Command("/bin/sh", "-c", "read x; exit 42")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	pid := cmd.Process.Pid
	fd, err := OpenPidfd(pid, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(fd)
	if _, dead := PeekExit(pid); dead || Readable(fd) || Reap(pid) {
		t.Error("it is not dead yet")
	}
	if !slices.Contains(ChildrenOf(os.Getpid()), pid) || !slices.Contains(ChildrenByStat(os.Getpid()), pid) {
		t.Errorf("%d is not among our children", pid)
	}
	if st, ok := ReadStat(pid); !ok || st.Parent != os.Getpid() || st.Ticks == 0 {
		t.Errorf("stat %+v, %v", st, ok)
	}
	if err := Signal(fd, 0); err != nil {
		t.Error(err)
	}
	_ = in.Close()
	for !Readable(fd) { // a pidfd tells the end of its process
		await(t, fd)
	}
	for range 2 { // it is left as it was
		if exit, dead := PeekExit(pid); !dead || (exit != Exit{Code: 42}) {
			t.Errorf("got %+v, %v", exit, dead)
		}
	}
	if !Reap(pid) {
		t.Error("it was not reaped")
	}
	if _, there := ReadStat(pid); there {
		t.Error("it is still there")
	}
}

// await waits until a descriptor may be readable.
func await(t *testing.T, fd int) {
	t.Helper()
	ep, err := syscall.EpollCreate1(0)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(ep)
	if err := syscall.EpollCtl(ep, syscall.EPOLL_CTL_ADD, fd, &syscall.EpollEvent{Events: syscall.EPOLLIN}); err != nil {
		t.Fatal(err)
	}
	_, _ = syscall.EpollWait(ep, make([]syscall.EpollEvent, 1), 30_000) // a signal may interrupt it
}

func TestASignalThatKilledIsTold(t *testing.T) {
	cmd := exec.Command("/bin/sleep", "1000")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	fd, err := OpenPidfd(cmd.Process.Pid, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(fd)
	if err := Signal(fd, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	for !Readable(fd) {
		await(t, fd)
	}
	if exit, dead := PeekExit(cmd.Process.Pid); !dead || (exit != Exit{Signal: syscall.SIGKILL}) {
		t.Errorf("got %+v, %v", exit, dead)
	}
	Reap(cmd.Process.Pid)
}

func TestTheClockAgreesWithTheKernel(t *testing.T) {
	c, now := NewClock(), time.Now()
	if c.Mono(now.Add(time.Second))-c.Mono(now) != int64(time.Second) {
		t.Error("a second is none")
	}
	if up := now.Sub(c.Boot()); up <= 0 {
		t.Errorf("up for %v", up)
	}
}

func TestAListOfPIDsIsRead(t *testing.T) {
	if got := ParsePIDs(" 12 7\n0 x -3 99 "); !slices.Equal(got, []int{12, 7, 99}) {
		t.Errorf("got %v", got)
	}
}
