package keeper

import "syscall"

// gift is a descriptor on its way to the provider, with the byte of the stream that
// begins its message: the kernel hands it over with that byte.
type gift struct {
	fd int
	at uint64
}

// receive reads what is there, and the descriptors that came with it. A stranger's
// are not taken.
func (c *conn) receive() (int, error) {
	var control [64]byte // more than maxRights: nothing is cut off unseen
	n, oobn, _, _, err := syscall.Recvmsg(c.fd, c.in.room(), control[:], syscall.MSG_CMSG_CLOEXEC)
	if err != nil || oobn == 0 {
		return n, err
	}
	fds := parseRights(control[:oobn])
	if c.epoch == 0 || len(c.rights)+len(fds) > maxRights {
		closeAll(fds)
		return 0, syscall.EPERM
	}
	c.rights = append(c.rights, fds...)
	return n, nil
}

// claim returns the oldest descriptor that came, -1 if there is none.
func (c *conn) claim() int {
	if len(c.rights) == 0 {
		return -1
	}
	fd := c.rights[0]
	c.rights = c.rights[1:]
	return fd
}

// piece is what may be sent at once: up to the next message with a descriptor, or
// from it up to the one after it.
func (c *conn) piece() (text, rights []byte) {
	text = c.out
	if len(c.gifts) == 0 {
		return text, nil
	}
	next := c.gifts
	if next[0].at == c.sent {
		rights = syscall.UnixRights(next[0].fd)
		next = next[1:]
	}
	if len(next) > 0 {
		text = text[:next[0].at-c.sent]
	}
	return text, rights
}

// passed follows the sending of n bytes.
func (c *conn) passed(n int, rights []byte) {
	c.out, c.sent = c.out[n:], c.sent+uint64(n)
	if rights != nil {
		_ = syscall.Close(c.gifts[0].fd)
		c.gifts = c.gifts[1:]
	}
}

// giveUp closes what was on its way, either way.
func (c *conn) giveUp() {
	closeAll(c.rights)
	for _, g := range c.gifts {
		_ = syscall.Close(g.fd)
	}
	c.rights, c.gifts = nil, nil
}

func parseRights(control []byte) []int {
	messages, err := syscall.ParseSocketControlMessage(control)
	if err != nil {
		return nil
	}
	var all []int
	for _, m := range messages {
		fds, _ := syscall.ParseUnixRights(&m)
		all = append(all, fds...)
	}
	return all
}
