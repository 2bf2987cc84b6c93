package keeper

import (
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// manager is the service manager above an outermost keeper: what is said to it by
// sd_notify(3). Without one nothing is said.
type manager struct {
	fd int // -1: there is none
	to syscall.Sockaddr
}

func newManager() manager {
	path := os.Getenv("NOTIFY_SOCKET")
	if path == "" {
		return manager{fd: -1}
	}
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_DGRAM|syscall.SOCK_CLOEXEC|syscall.SOCK_NONBLOCK, 0)
	if err != nil {
		return manager{fd: -1}
	}
	return manager{fd: fd, to: &syscall.SockaddrUnix{Name: path}} // "@" begins an abstract name there too
}

// say sends assignments, a line each. A manager that takes no more misses one.
func (m manager) say(text string) {
	if m.fd >= 0 {
		_ = syscall.Sendto(m.fd, []byte(text), syscall.MSG_NOSIGNAL, m.to)
	}
}

// ready passes on that the provider is.
func (m manager) ready(status string) {
	m.say("READY=1\nSTATUS=" + strings.ReplaceAll(status, "\n", " "))
}

// watchdog pings at half of the time that sd_watchdog_enabled(3) grants: from the
// loop, so that a hung one is not vouched for. A hung provider is the keeper's affair.
func (s *server) watchdog() {
	usec, err := strconv.ParseInt(os.Getenv("WATCHDOG_USEC"), 10, 64)
	if pid := os.Getenv("WATCHDOG_PID"); err != nil || usec <= 0 || pid != "" && pid != strconv.Itoa(s.pid) {
		return
	}
	var ping func()
	ping = func() {
		s.manager.say("WATCHDOG=1")
		s.timers.after(time.Duration(usec)*time.Microsecond/2, ping)
	}
	ping()
}
