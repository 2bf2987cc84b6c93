package provider

import (
	"bytes"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"zmicroservices/context/event"
	"zmicroservices/context/forwarder"
	"zmicroservices/context/keeper"
)

// owners knows which task service has a connection of the bus: its process, one of its
// process group, or one that has its cookie. What the kernel tells of a peer is a pid
// (unix sockets) or the inode of its socket (TCP over loopback), which one of the
// files in /proc/PID/fd points at.
//
// Why not the ids in a message: anybody may write those, and most messages have none.
type owners struct {
	mu     sync.Mutex // guards the two below; held over a search
	known  map[uint64]owned
	search time.Time // the last one through all processes
}

// owned is what is known of a connection.
type owned struct {
	ref   event.Ref // zero: it is no task service's
	again time.Time // when to search again, of one that was not found; zero: never
}

// Searches through all processes of the machine cost some milliseconds: one now and
// then, and no more than a few for one connection.
const (
	searchPause = 2 * time.Second
	maxOwned    = 64 << 10 // what is remembered; more than there may be connections
)

// of gives the owners of connections, by their numbers. Whose owner is not known is not
// in it, or is zero.
func (o *owners) of(peers []forwarder.Peer, leaders func() map[int]event.Ref) map[uint64]event.Ref {
	o.mu.Lock()
	defer o.mu.Unlock()
	now := time.Now()
	refs := make(map[uint64]event.Ref, len(peers))
	var strange []forwarder.Peer
	for _, p := range peers {
		known, there := o.known[p.Conn]
		refs[p.Conn] = known.ref
		if p.Loopback && (!there || !known.again.IsZero() && now.After(known.again)) {
			strange = append(strange, p)
		}
	}
	if len(strange) == 0 {
		return refs
	}
	if len(o.known) > maxOwned || o.known == nil {
		o.known = map[uint64]owned{}
	}
	maps.Copy(refs, o.learn(now, strange, leaders()))
	return refs
}

// knows gives the owner of a connection if it was found before; zero if not.
func (o *owners) knows(conn uint64) event.Ref {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.known[conn].ref
}

// claimed gives the owner of a connection whose peer says which process it is, which is
// looked up: that costs a look into two files, where of would look through many. A peer
// that says nothing, 0, is only found if the kernel names its process. Zero is no task
// service's, or not found so.
func (o *owners) claimed(p forwarder.Peer, pid int) event.Ref {
	if ref := o.knows(p.Conn); ref != (event.Ref{}) || !p.Loopback || p.Conn == 0 {
		return ref
	}
	if p.PID > 0 {
		pid = p.PID
	}
	if pid <= 0 {
		return event.Ref{}
	}
	ref := cookieOf(pid)
	if ref == (event.Ref{}) {
		return ref
	}
	if p.PID == 0 {
		wanted := map[uint64]forwarder.Peer{p.Inode: p}
		searchSockets([]int{pid}, wanted, func(_ int, inode uint64) { delete(wanted, inode) })
		if len(wanted) > 0 || p.Inode == 0 {
			return event.Ref{}
		}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.known) > maxOwned || o.known == nil {
		o.known = map[uint64]owned{}
	}
	o.known[p.Conn] = owned{ref: ref}
	return ref
}

// learn finds the owners of some connections.
func (o *owners) learn(now time.Time, strange []forwarder.Peer, leaders map[int]event.Ref) map[uint64]event.Ref {
	refs := map[uint64]event.Ref{}
	byInode := map[uint64]forwarder.Peer{}
	for _, p := range strange {
		switch {
		case p.PID > 0:
			refs[p.Conn] = serviceOf(p.PID, leaders)
			o.known[p.Conn] = owned{ref: refs[p.Conn]}
		case p.Inode > 0:
			byInode[p.Inode] = p
		default:
			o.known[p.Conn] = owned{}
		}
	}
	found := func(pid int, inode uint64) {
		p := byInode[inode]
		delete(byInode, inode)
		refs[p.Conn] = serviceOf(pid, leaders)
		o.known[p.Conn] = owned{ref: refs[p.Conn]}
	}
	// First where it most probably is.
	searchSockets(slices.Collect(maps.Keys(leaders)), byInode, found)
	if len(byInode) > 0 && now.Sub(o.search) >= searchPause {
		searchSockets(processes(), byInode, found)
		o.search = time.Now()
		for _, p := range byInode { // it has closed, or is another user's
			o.known[p.Conn] = owned{again: now.Add(10 * searchPause)}
		}
	}
	return refs
}

// searchSockets looks into the open files of processes for sockets, and tells of each
// that it finds; found takes it out of wanted.
func searchSockets(pids []int, wanted map[uint64]forwarder.Peer, found func(pid int, inode uint64)) {
	for _, pid := range pids {
		if len(wanted) == 0 {
			return
		}
		dir := "/proc/" + strconv.Itoa(pid) + "/fd/"
		files, err := os.ReadDir(dir)
		if err != nil {
			continue // it has ended, or is not ours to look into
		}
		for _, f := range files {
			target, err := os.Readlink(dir + f.Name())
			if err != nil {
				continue
			}
			number, isSocket := strings.CutPrefix(strings.TrimSuffix(target, "]"), "socket:[") // proc_pid_fd(5)
			if inode, err := strconv.ParseUint(number, 10, 64); isSocket && err == nil {
				if _, is := wanted[inode]; is {
					found(pid, inode)
				}
			}
		}
	}
}

// processes are the pids of the machine, the youngest first: what we started is young.
func processes() []int {
	names, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	var pids []int
	for _, n := range names {
		if pid, err := strconv.Atoi(n.Name()); err == nil {
			pids = append(pids, pid)
		}
	}
	slices.Sort(pids)
	slices.Reverse(pids)
	return pids
}

// serviceOf gives the task service that a process belongs to; zero if to none.
func serviceOf(pid int, leaders map[int]event.Ref) event.Ref {
	if r, ok := leaders[pid]; ok {
		return r
	}
	if group, err := unix.Getpgid(pid); err == nil {
		if r, ok := leaders[group]; ok {
			return r
		}
	}
	return cookieOf(pid)
}

// cookieOf is the task service whose cookie a process has in its environment; zero if it
// has none.
func cookieOf(pid int) event.Ref {
	environ, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/environ")
	if err != nil {
		return event.Ref{}
	}
	for _, v := range bytes.Split(environ, []byte{0}) {
		if cookie, ok := strings.CutPrefix(string(v), keeper.CookieName+"="); ok {
			r, err := event.ParseRef(cookie)
			if err != nil {
				return event.Ref{}
			}
			return r
		}
	}
	return event.Ref{}
}
