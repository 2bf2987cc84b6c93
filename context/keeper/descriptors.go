package keeper

import (
	"fmt"
	"sort"
	"syscall"

	"zmicroservices/context/keeper/kernel"
)

const (
	// maxDescriptors bounds what is kept for a provider.
	maxDescriptors = 64
	// maxRights bounds what may have come on a connection and not been asked about.
	maxRights = 8
	maxName   = 255
)

// descriptors is what the provider gave to keep, by name: its listening sockets, so
// that while it is away clients wait in the backlog and nobody takes the port.
type descriptors map[string]int

// put keeps a descriptor in place of one of the same name.
func (d descriptors) put(name string, fd int) error {
	before, replaced := d[name]
	switch {
	case name == "" || len(name) > maxName:
		return fmt.Errorf("a name has 1 to %d bytes", maxName)
	case fd < 0:
		return fmt.Errorf("no descriptor came with it")
	case !replaced && len(d) == maxDescriptors:
		return fmt.Errorf("%d descriptors are kept already", maxDescriptors)
	}
	d[name] = fd
	if replaced {
		_ = syscall.Close(before)
	}
	return nil
}

// copy returns another descriptor for the same thing.
func (d descriptors) copy(name string) (int, error) {
	fd, ok := d[name]
	if !ok {
		return -1, ErrNoDescriptor
	}
	return kernel.Dup(fd)
}

func (d descriptors) release(name string) error {
	fd, ok := d[name]
	if !ok {
		return ErrNoDescriptor
	}
	delete(d, name)
	return syscall.Close(fd)
}

// close lets go of all.
func (d descriptors) close() {
	for name := range d {
		_ = d.release(name)
	}
}

func (d descriptors) names() []string {
	names := make([]string, 0, len(d))
	for name := range d {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// handleStore does one request of the descriptor store; others are passed over.
func (s *server) handleStore(c *conn, m *message) {
	reply := &message{Kind: kindReply, Req: m.Req}
	var err error
	switch m.Kind {
	case kindStore:
		fd := c.claim()
		if err = s.store.put(m.Name, fd); err != nil && fd >= 0 {
			_ = syscall.Close(fd)
		}
	case kindFetch:
		var fd int
		if fd, err = s.store.copy(m.Name); err == nil {
			reply.Right = true
			c.gifts = append(c.gifts, gift{fd: fd, at: c.sent + uint64(len(c.out))})
		}
	case kindRelease:
		err = s.store.release(m.Name)
	case kindStored:
		reply.Names = s.store.names()
	default:
		return
	}
	if err != nil {
		reply.Err = err.Error()
	}
	c.send(reply)
}
