package keeper

import (
	"os"
	"strconv"
	"strings"
	"syscall"

	"zmicroservices/context/keeper/kernel"
)

// ID names one slot of the keeper: one process that was asked for once.
// The zero Hook is the task service itself; "build", "pre_start" or a probe's
// name are short-lived slots beside it.
type ID struct {
	Transaction string `json:"transaction"`
	Task        string `json:"task"`
	Incarnation uint64 `json:"incarnation"`
	Hook        string `json:"hook,omitempty"`
}

// String is transaction/task/incarnation, with #hook behind it if there is one.
func (id ID) String() string {
	if id.Hook == "" {
		return id.Cookie()
	}
	return id.Cookie() + "#" + id.Hook
}

// CookieName is the environment variable by which the keeper knows again a
// process that has left its group. Whoever builds Spec.Env sets it to ID.Cookie.
const CookieName = "ZMS_TASK"

// HomeName is the environment variable by which a later keeper tells the processes
// of its context from those of another, whose transactions may have the same names.
// Whoever builds Spec.Env sets it to Options.StateDir; a process without it is never
// found by its cookie.
const HomeName = "ZMS_STATE_DIR"

// Cookie is the value of CookieName in the environment of the slot's processes:
// transaction/task/incarnation. A hook carries the cookie of its service.
func (id ID) Cookie() string {
	return id.Transaction + "/" + id.Task + "/" + strconv.FormatUint(id.Incarnation, 10)
}

// parseCookie is the inverse of ID.Cookie. The task is what stands between the
// first and the last slash.
func parseCookie(s string) (ID, bool) {
	first, last := strings.IndexByte(s, '/'), strings.LastIndexByte(s, '/')
	if first < 0 || first == last {
		return ID{}, false
	}
	n, err := strconv.ParseUint(s[last+1:], 10, 64)
	if err != nil {
		return ID{}, false
	}
	return ID{Transaction: s[:first], Task: s[first+1 : last], Incarnation: n}, true
}

// Identify is the identity of this process. Its Boot and PIDNS are those of every
// process of a keeper beside it.
func Identify() Identity { return readHost().identify(os.Getpid()) }

// Identity tells one process from every other that ever had its number: a pid
// comes back, a pid with its start ticks, boot and namespace does not. There is
// no time of day in it, so no clock step can spoil it.
type Identity struct {
	PID   int    `json:"pid"`
	Ticks uint64 `json:"ticks"` // start time in clock ticks since boot, proc_pid_stat(5) field 22
	Boot  string `json:"boot"`  // /proc/sys/kernel/random/boot_id
	PIDNS uint64 `json:"pidns"` // inode of /proc/self/ns/pid
}

// host is the part of an Identity that all our children share.
type host struct {
	boot  string
	pidns uint64
}

func readHost() host {
	var h host
	var buf [64]byte
	if n, ok := kernel.ReadFile("/proc/sys/kernel/random/boot_id", buf[:]); ok {
		h.boot = strings.TrimSpace(string(buf[:n]))
	}
	var st syscall.Stat_t
	if syscall.Stat("/proc/self/ns/pid", &st) == nil {
		h.pidns = st.Ino
	}
	return h
}

func (h host) identify(pid int) Identity {
	st, _ := kernel.ReadStat(pid)
	return Identity{PID: pid, Ticks: st.Ticks, Boot: h.boot, PIDNS: h.pidns}
}
