package keeper

import (
	"bytes"
	"errors"
	"fmt"
	"hash/fnv"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"zmicroservices/context/keeper/kernel"
)

// NotifyAddress is where a slot is to send its notices: what Spec.Notify and its
// environment's NOTIFY_SOCKET are. It is a socket in the runtime directory; an abstract
// one (unix(7)) where a path would have no room in an address, or where the
// service runs as another user, who cannot enter that directory.
func NotifyAddress(runtimeDir string, id ID, anotherUser bool) string {
	h := fnv.New64a()
	_, _ = h.Write([]byte(runtimeDir + "\x00" + id.String()))
	name := noticeName + strconv.FormatUint(h.Sum64(), 36)
	if path := filepath.Join(runtimeDir, name); len(path) < 108 && !anotherUser {
		return path
	}
	return "@zms-" + name
}

// noticeName begins the names of these sockets.
const noticeName = "notify-"

// sweepNotices removes the sockets of a keeper that was killed. Of services that are
// adopted they are made anew.
func (s *server) sweepNotices() {
	entries, _ := os.ReadDir(s.opts.runtimeDir)
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), noticeName) && e.Type() == os.ModeSocket {
			_ = os.Remove(filepath.Join(s.opts.runtimeDir, e.Name()))
		}
	}
}

// ear is the socket by which a slot's processes send notices. Owned by the loop.
type ear struct {
	slot *slot
	fd   int
	said Notice
	told Notice // of the last event
	held bool   // that event is not acknowledged: what is new is told then, so that there is one for each slot

	every time.Duration // of the watchdog; 0: none
	last  time.Time     // it said WATCHDOG=1
	due   *timer
}

// lend makes the socket that a slot asks for.
func (s *server) lend(slot *slot) error {
	address := slot.spec.Notify
	if address == "" {
		return nil
	}
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_DGRAM|syscall.SOCK_CLOEXEC|syscall.SOCK_NONBLOCK, 0)
	if err != nil {
		return fmt.Errorf("make socket for notices: %w", err)
	}
	if !strings.HasPrefix(address, "@") {
		_ = os.Remove(address) // of a keeper that was killed
		_ = syscall.Fchmod(fd, 0o600)
	}
	// Credentials come with every message from here on: the kernel vouches for them.
	err = errors.Join(syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_PASSCRED, 1), syscall.Bind(fd, &syscall.SockaddrUnix{Name: address}))
	if err != nil {
		_ = syscall.Close(fd)
		return fmt.Errorf("make socket for notices at %s: %w", address, err)
	}
	slot.ear = &ear{slot: slot, fd: fd}
	s.watch(fd, slot.ear)
	return nil
}

// deaf closes a slot's socket, when what was sent before is heard.
func (s *server) deaf(slot *slot) {
	e := slot.ear
	if e == nil || e.fd < 0 {
		return
	}
	e.ready(s)
	s.timers.cancel(e.due)
	s.forget(e.fd)
	_ = syscall.Close(e.fd)
	e.fd = -1
	if !strings.HasPrefix(slot.spec.Notify, "@") {
		_ = os.Remove(slot.spec.Notify)
	}
}

// ready hears what is there, some at a time: a service that floods gets one turn a
// round, like all others.
func (e *ear) ready(s *server) {
	for range 64 {
		var control [128]byte
		n, oobn, _, _, err := syscall.Recvmsg(e.fd, s.buf, control[:], syscall.MSG_DONTWAIT|syscall.MSG_CMSG_CLOEXEC)
		if err != nil {
			return
		}
		if e.from(s, control[:oobn]) {
			e.hear(s, string(s.buf[:n]))
		}
		closeAll(parseRights(control[:oobn])) // of BARRIER=1: its sender waits for this
	}
}

// from says whether the sender is of the slot's tree. One that has ended since (a
// script's notify command) is believed if it was of the slot's user.
func (e *ear) from(s *server, control []byte) bool {
	var cred *syscall.Ucred
	messages, _ := syscall.ParseSocketControlMessage(control)
	for _, m := range messages {
		if c, err := syscall.ParseUnixCredentials(&m); err == nil {
			cred = c
		}
	}
	if cred == nil || cred.Pid <= 0 {
		return false
	}
	for pid, depth := int(cred.Pid), 0; pid > 1 && pid != s.pid && depth < 100; depth++ {
		st, there := kernel.ReadStat(pid)
		switch {
		case !there && depth == 0:
			user := uint32(os.Getuid())
			if c := e.slot.spec.credential(); c != nil {
				user = c.UID
			}
			return cred.Uid == user
		case !there:
			return false
		case pid == e.slot.pid || st.Group == e.slot.pid:
			return true
		}
		pid = st.Parent
	}
	env, _ := os.ReadFile("/proc/" + strconv.Itoa(int(cred.Pid)) + "/environ")
	return bytes.Contains(append([]byte{0}, env...), []byte("\x00"+CookieName+"="+e.slot.id.Cookie()+"\x00"))
}

func (e *ear) hear(s *server, text string) {
	said, slot := e.said, e.slot
	said.Extend = 0
	if said.hear(text) {
		e.last = time.Now()
		said.Overdue = false
	}
	due := time.Now().Add(said.Extend)
	switch {
	case said.Extend == 0:
		said.Extend = e.said.Extend // not told yet
	case slot.state == Stopping && !slot.killing && slot.turn == nil && due.After(slot.due):
		slot.due = due
		s.timers.cancel(slot.deadline)
		slot.deadline = s.timers.after(said.Extend, func() { s.kill(slot) })
	}
	e.said = said
	e.tell(s)
}

// watchdog begins to judge WATCHDOG=1; 0 ends it.
func (e *ear) watchdog(s *server, every time.Duration) {
	e.every, e.last, e.said.Overdue, e.told.Overdue = every, time.Now(), false, false
	s.timers.cancel(e.due)
	e.due = nil
	if every > 0 && e.fd >= 0 {
		e.due = s.timers.after(every, func() { e.judge(s) })
	}
}

// judge comes when a ping may be overdue. One that came meanwhile has moved no timer:
// a service may ping as often as it likes.
func (e *ear) judge(s *server) {
	left := time.Until(e.last.Add(e.every))
	if left <= 0 {
		e.said.Overdue = true
		e.tell(s)
		left = e.every
	}
	e.due = s.timers.after(left, func() { e.judge(s) })
}

// tell makes an event of what is new.
func (e *ear) tell(s *server) {
	if e.held || e.said == e.told || e.slot.exited || e.slot.pid == 0 {
		return
	}
	said := e.said
	s.emit(Event{Kind: Noticed, ID: e.slot.id, PID: e.slot.pid, Notice: &said})
	e.said.Extend = 0
	e.held, e.told = true, e.said
}
