package web

import (
	"net"
	"sync"
)

// bound lets so many connections in at a time; who is beyond that waits in the backlog.
func bound(l net.Listener, most int) net.Listener {
	return &bounded{Listener: l, room: make(chan struct{}, most), done: make(chan struct{})}
}

type bounded struct {
	net.Listener
	room chan struct{} // capacity: the bound; one for each connection
	done chan struct{} // closed by Close
	once sync.Once
}

// Accept implements net.Listener.
func (b *bounded) Accept() (net.Conn, error) {
	select {
	case b.room <- struct{}{}:
	case <-b.done:
		return nil, net.ErrClosed
	}
	c, err := b.Listener.Accept()
	if err != nil {
		<-b.room
		return nil, err
	}
	return &guest{Conn: c, left: sync.OnceFunc(func() { <-b.room })}, nil
}

// Close implements net.Listener.
func (b *bounded) Close() error {
	b.once.Do(func() { close(b.done) })
	return b.Listener.Close()
}

// guest is a connection that makes room when it is closed.
type guest struct {
	net.Conn
	left func()
}

// Close implements net.Conn.
func (g *guest) Close() error {
	err := g.Conn.Close()
	g.left()
	return err
}
