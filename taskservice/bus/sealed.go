package bus

import (
	"io"

	"zmicroservices/taskservice/zmtp"
	"zmicroservices/taskservice/zmtp/curve"
)

// advanceSealed is advance with CURVE: the frame has to be here as a whole
// before a byte of it can be believed.
func (g *guard) advanceSealed(h zmtp.Header) error {
	if limit := g.maxMessage + int64(curve.Overhead); h.Size > limit {
		return tooLong("frame", h.Size, limit)
	}
	if err := g.readSealed(int(h.Size)); err != nil {
		return err
	}
	more, command, plain, err := g.session.Open(g.sealed)
	switch {
	case err != nil:
		return err
	case command && len(plain) > maxCommand:
		return tooLong("command", int64(len(plain)), maxCommand)
	case command:
		return g.obey(plain)
	case g.skips(more):
		return nil
	}
	// The header that zmq4 shall see goes where the seal was, which is longer.
	var header [zmtp.MaxHeader]byte
	n := len(zmtp.AppendHeader(header[:0], 0, len(plain)))
	g.head = g.sealed[curve.Overhead-n:]
	copy(g.head, header[:n])
	return nil
}

// readSealed fills sealed with the next n bytes. It grows as they come: what a
// header announces is not sealed, and so not the peer's word.
func (g *guard) readSealed(n int) error {
	if cap(g.sealed) > keep {
		g.sealed = nil // of a large message; the next ones are not
	}
	g.sealed = g.sealed[:0]
	for len(g.sealed) < n {
		have := len(g.sealed)
		if have == cap(g.sealed) {
			g.sealed = append(make([]byte, 0, min(n, max(2*have, 64<<10))), g.sealed...)
		}
		g.sealed = g.sealed[:min(n, cap(g.sealed))]
		if _, err := io.ReadFull(g.in, g.sealed[have:]); err != nil {
			return err
		}
	}
	return nil
}
