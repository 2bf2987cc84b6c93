package command

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"zmicroservices/context/event"
	"zmicroservices/taskservice/message"
)

// Retained gives the messages that a new subscription has missed and needs: to
// a service that is being started, the `process start` which told so. A service
// written against the bus alone subscribes some time after its process began, and
// nobody says it twice. It goes to the service's own connection only, so that
// services with one service_name cannot take each other's.
func (h *Handler) Retained(p Peer, prefix []byte) [][]byte {
	if !strings.HasPrefix(message.TopicProcess, string(prefix)) && !strings.HasPrefix(string(prefix), message.TopicProcess) {
		return nil
	}
	if p.PID == 0 && p.Inode == 0 {
		return nil
	}
	for _, v := range h.opts.Transactions.Views() {
		for _, t := range v.Tasks {
			if !t.Self || t.State != event.Starting || t.PID == 0 || t.Object == nil || !owns(t.PID, p, treeDepth) {
				continue
			}
			frame, err := message.Process{
				Header: message.Header{
					Action: t.Told, ServiceID: string(t.ID), ServiceName: t.ServiceName, Transaction: string(v.Transaction),
				},
				Object: t.Object,
			}.Frame()
			if err != nil {
				h.opts.Logger.Error("retained message not made", "task", t.ID, "err", err)
				return nil
			}
			return [][]byte{frame}
		}
	}
	return nil
}

// treeDepth bounds how far below a service's leader its socket is looked for: a
// shell that runs an interpreter is two.
const treeDepth = 4

// owns says whether a process, or one below it, holds the peer's socket.
func owns(pid int, p Peer, depth int) bool {
	if p.PID != 0 && p.PID == pid || p.Inode != 0 && holds(pid, p.Inode) {
		return true
	}
	if depth == 0 {
		return false
	}
	for _, child := range children(pid) {
		if owns(child, p, depth-1) {
			return true
		}
	}
	return false
}

// holds looks through /proc/PID/fd for a socket. A process that has gone, or
// that is not ours to look at, holds nothing.
func holds(pid int, inode uint64) bool {
	dir := fmt.Sprintf("/proc/%d/fd", pid)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return false
	}
	want := fmt.Sprintf("socket:[%d]", inode)
	for _, e := range entries {
		if target, err := os.Readlink(dir + "/" + e.Name()); err == nil && target == want {
			return true
		}
	}
	return false
}

// children gives the processes that the main thread of pid has made.
func children(pid int) []int {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		return nil
	}
	var out []int
	for _, f := range strings.Fields(string(text)) {
		if n, err := strconv.Atoi(f); err == nil {
			out = append(out, n)
		}
	}
	return out
}
