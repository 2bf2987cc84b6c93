package keeper

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"

	"zmicroservices/context/keeper/kernel"
)

// ErrNoDescriptor says that the keeper keeps nothing of that name.
var ErrNoDescriptor = errors.New("no such descriptor")

// ErrVersion says that the keeper is too old for a request. It goes on as it is.
var ErrVersion = errors.New("keeper is of an older version")

// Store gives the keeper a copy of a descriptor to keep under a name, in place of
// one that it keeps under it. It stays open there whatever becomes of this process:
// clients of a listening socket wait in its backlog, and nobody else gets the port.
// The keeper keeps 64 at most, and does not stay for them alone. f remains the
// caller's; its flags (O_NONBLOCK) are shared with all copies.
func (c *Client) Store(name string, f syscall.Conn) error {
	fd := -1
	raw, err := f.SyscallConn()
	if err == nil { // not by Fd, which makes it block
		err = errors.Join(raw.Control(func(own uintptr) { fd, err = kernel.Dup(int(own)) }), err)
	}
	if err == nil {
		ctx, cancel := context.WithTimeout(c.life, c.opts.Silence)
		defer cancel()
		_, err = c.ask(ctx, &message{Kind: kindStore, Name: name}, fd)
		_ = syscall.Close(fd)
	}
	if err != nil {
		return fmt.Errorf("store descriptor %s: %w", name, err)
	}
	return nil
}

// Fetch returns a copy of what is kept under a name: net.FileListener makes a
// listener of it. ErrNoDescriptor if there is nothing.
func (c *Client) Fetch(ctx context.Context, name string) (*os.File, error) {
	m, err := c.ask(ctx, &message{Kind: kindFetch, Name: name})
	if err == nil && m.fd < 0 {
		err = errors.New("it did not come along: too many open files")
	}
	if err != nil {
		return nil, fmt.Errorf("fetch descriptor %s: %w", name, err)
	}
	return os.NewFile(uintptr(m.fd), name), nil
}

// Release closes the keeper's copy.
func (c *Client) Release(name string) error {
	ctx, cancel := context.WithTimeout(c.life, c.opts.Silence)
	defer cancel()
	if _, err := c.ask(ctx, &message{Kind: kindRelease, Name: name}); err != nil {
		return fmt.Errorf("release descriptor %s: %w", name, err)
	}
	return nil
}

// Stored lists the names of what is kept.
func (c *Client) Stored(ctx context.Context) ([]string, error) {
	m, err := c.ask(ctx, &message{Kind: kindStored})
	if err != nil {
		return nil, fmt.Errorf("list descriptors: %w", err)
	}
	return m.Names, nil
}
