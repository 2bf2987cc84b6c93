package sample

import "bytes"

// space is a network namespace: sockets are listed once for all processes in it.
type space struct {
	inode   uint64
	sockets map[uint32]*socket // of our processes, by inode
	count   [unixSocket + 1]int
	listed  [unixSocket + 1]uint64 // the tick in which this kind was listed last
	diag    *diag                  // nil: not opened
	table   *table
	pid     int32 // a process in it
	stirred bool  // a socket was taken that is unknown, by a process that has run
	udp     bool  // a process with UDP sockets may have connected them
	err     error // of the last listing
	put     func(*record, []byte)
	total   int // sockets in the listing under way, foreign ones too
	dumped  int // of the last whole listing of TCP
}

func newSpace(s *Sampler, inode uint64) *space {
	sp := &space{inode: inode, sockets: map[uint32]*socket{}}
	sp.put = func(r *record, path []byte) {
		sp.total++
		if k := sp.sockets[r.inode]; k != nil { // else it is a foreign one's
			k.show(r, path, s.tick)
		}
	}
	return sp
}

// spaces are the network namespaces of our processes.
type spaces struct {
	byInode map[uint64]*space
	own     uint64
}

func newSpaces() spaces { return spaces{byInode: map[uint64]*space{}, own: ownSpace()} }

func (n *spaces) close() {
	for _, sp := range n.byInode {
		sp.close()
	}
}

func (sp *space) close() {
	if sp.diag != nil {
		sp.diag.close()
	}
}

// enterSpace learns which namespace a process is in.
func (e *entry) enterSpace(s *Sampler) {
	n, err := readlinkat(e.dir, netName, s.target[:])
	if err != nil {
		e.lack("sockets", err)
		return
	}
	f := fields{bytes.TrimPrefix(s.target[:n], []byte("net:["))}
	inode, _ := f.next()
	if e.space != nil && e.space.inode == uint64(inode) {
		e.space.pid = e.PID
		return
	}
	e.unlink(s)
	sp := s.spaces.byInode[uint64(inode)]
	if sp == nil {
		sp = newSpace(s, uint64(inode))
		s.spaces.byInode[sp.inode] = sp
	}
	sp.pid = e.PID
	e.space = sp
}

// take gives the socket with an inode, to be released.
func (sp *space) take(inode uint32) *socket {
	k := sp.sockets[inode]
	if k == nil {
		k = &socket{space: sp, inode: inode}
		sp.sockets[inode] = k
		sp.count[unknown]++
	}
	k.users++
	switch k.as.kind {
	case unknown:
		sp.stirred = true
	case tcp: // one that was closed may be connected anew, with other addresses
		sp.stirred = sp.stirred || k.tick != sp.listed[tcp]
	case udp:
		sp.udp = true
	}
	return k
}

// list lists the sockets of every namespace, as far as they can have changed.
func (n *spaces) list(s *Sampler) {
	for _, sp := range n.byInode {
		if len(sp.sockets) == 0 {
			// Nobody has a socket in it: it is entered again when somebody has.
			if sp.diag != nil {
				sp.close()
				sp.diag = nil
			}
			continue
		}
		sp.list(s)
	}
}

// list lists TCP sockets, whose states change by themselves, and the others when they
// can be others: a unix socket keeps its name, and a UDP one is connected by its owner.
func (sp *space) list(s *Sampler) {
	due := s.tick%uint64(s.opts.Refresh) == 0
	var kinds [unixSocket + 1]bool
	kinds[tcp] = sp.stirred || sp.count[tcp] > 0
	kinds[udp] = sp.stirred || sp.udp || due && sp.count[udp] > 0
	kinds[unixSocket] = sp.stirred || due && sp.count[unixSocket] > 0
	stirred := sp.stirred
	sp.stirred, sp.udp = false, false
	if !kinds[tcp] && !kinds[udp] && !kinds[unixSocket] {
		return
	}
	if sp.diag == nil && sp.table == nil {
		var err error
		if sp.diag, err = openDiag(s, sp); err != nil {
			sp.table = &table{}
		}
	}
	if sp.diag != nil {
		if kinds[tcp] && !stirred && !due && sp.few() && sp.ask(s.tick) {
			kinds[tcp] = false
		}
		sp.total = 0
		if sp.err = sp.diag.list(kinds, sp.put); sp.err == nil {
			if kinds[tcp] {
				sp.dumped = sp.total
			}
			sp.note(kinds, s.tick)
			return
		}
		// A kernel without this sort of diag: the files of proc(5) tell the same.
		sp.diag.close()
		sp.diag, sp.table = nil, &table{}
	}
	if sp.err = sp.table.list(s, sp.pid, kinds, sp.put); sp.err == nil {
		sp.note(kinds, s.tick)
	}
}

// note notes what was listed: a socket that is not in the newest list of its kind is
// closed, whoever still holds it.
func (sp *space) note(kinds [unixSocket + 1]bool, tick uint64) {
	for k, was := range kinds {
		if was {
			sp.listed[k] = tick
		}
	}
}
