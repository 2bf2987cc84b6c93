package will

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"zmicroservices/context/event"
	"zmicroservices/taskservice/message"
)

// Errors of Put.
var (
	ErrMany = fmt.Errorf("its connection has %d wills, and no more may be kept", MaxWills)
	ErrFull = errors.New("no more wills are kept: those of all connections have reached their bound")
)

// Hear takes a message of a peer: a will on Topic, and on another one what it says itself.
func (b *Book) Hear(from Author, topic string, frame []byte) {
	_, payload, err := message.Split(frame)
	switch {
	case err != nil: // its topic was found, so that it has one
	case topic == Topic:
		_ = b.Put(from, payload) // what is refused is counted and logged
	default:
		b.Said(from.Conn, topic, gidOf(payload))
	}
}

// Put takes the payload of a message on Topic: a will, or the word that it is withdrawn.
// What is refused is counted and logged.
func (b *Book) Put(from Author, payload []byte) error {
	err := b.put(from, payload)
	if err != nil {
		b.refuse(from.Name, err)
	}
	return err
}

func (b *Book) put(from Author, payload []byte) error {
	w, err := Parse(payload)
	if err != nil {
		return err
	}
	if w.Payload == nil {
		b.withdraw(from.Conn, w)
		return nil
	}
	e := &entry{w, w.frame()}
	if err := from.Admit(e.frame); err != nil {
		return fmt.Errorf("what it says is not its author's to publish: %w", err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	a := b.authors[from.Conn]
	if a == nil {
		a = &author{Author: from}
	}
	at := slices.IndexFunc(a.wills, func(x *entry) bool { return x.Topic == w.Topic && x.GID == w.GID })
	kept, bytes := b.stats.Kept+1, b.stats.Bytes+int64(len(e.frame))
	if at >= 0 {
		kept, bytes = kept-1, bytes-int64(len(a.wills[at].frame))
	}
	switch {
	case at < 0 && len(a.wills) >= MaxWills:
		return ErrMany
	case kept > MaxAll, bytes > MaxBytes:
		return ErrFull
	}
	b.stats.Kept, b.stats.Bytes = kept, bytes
	b.stats.Laid++
	if at >= 0 {
		a.wills[at] = e
	} else {
		a.wills = append(a.wills, e)
	}
	if b.authors[from.Conn] == nil {
		b.authors[from.Conn] = a
		if a.Owner != (event.Ref{}) {
			b.owned[a.Owner] = append(b.owned[a.Owner], a)
		}
	}
	return nil
}

// withdraw forgets wills of a connection: of a topic, and of a gid if one is given.
func (b *Book) withdraw(conn uint64, w Will) {
	b.mu.Lock()
	defer b.mu.Unlock()
	a := b.authors[conn]
	if a == nil {
		return
	}
	b.stats.Withdrawn += uint64(b.drop(a, func(x *entry) bool { return x.Topic == w.Topic && (w.GID == "" || x.GID == w.GID) }))
	b.close(a)
}

// Said is told of what a peer has said itself about a gid: no will of it has to say that.
func (b *Book) Said(conn uint64, topic, gid string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	a := b.authors[conn]
	if a == nil || gid == "" {
		return
	}
	same := []*author{a}
	if a.Owner != (event.Ref{}) { // it may have come back on another connection
		same = slices.Clone(b.owned[a.Owner])
	}
	for _, a := range same {
		b.stats.Withdrawn += uint64(b.drop(a, func(x *entry) bool { return x.Topic == topic && x.GID == gid }))
		b.close(a)
	}
}

// drop takes wills out of the book, and says how many. b.mu is held.
func (b *Book) drop(a *author, which func(*entry) bool) int {
	before := len(a.wills)
	a.wills = slices.DeleteFunc(a.wills, func(x *entry) bool {
		if !which(x) {
			return false
		}
		b.stats.Kept--
		b.stats.Bytes -= int64(len(x.frame))
		return true
	})
	return before - len(a.wills)
}

// close forgets an author that has no will. b.mu is held.
func (b *Book) close(a *author) {
	if len(a.wills) > 0 {
		return
	}
	delete(b.authors, a.Conn)
	if a.Owner == (event.Ref{}) {
		return
	}
	if rest := slices.DeleteFunc(b.owned[a.Owner], func(x *author) bool { return x == a }); len(rest) > 0 {
		b.owned[a.Owner] = rest
	} else {
		delete(b.owned, a.Owner)
	}
}

// testament is a will on its way.
type testament struct {
	*entry
	from Author
}

// settle takes all wills of an author out of the book, and gives those that are to be
// published: what it has laid down anew on another connection is not. b.mu is held.
func (b *Book) settle(a *author, speak bool) (due []testament) {
	for _, x := range a.wills {
		if speak && !b.renewed(a, x) {
			due = append(due, testament{x, a.Author})
		}
	}
	if owner := a.Owner; owner != (event.Ref{}) && len(due) > 0 {
		b.saying[owner] += len(due)
	}
	n := b.drop(a, func(*entry) bool { return true })
	b.stats.Withdrawn += uint64(n - len(due))
	b.close(a)
	return due
}

// renewed says that the same will of a task service is in the book once more, by a
// connection that it has or that broke later. b.mu is held.
func (b *Book) renewed(a *author, x *entry) bool {
	if a.Owner == (event.Ref{}) {
		return false
	}
	return slices.ContainsFunc(b.owned[a.Owner], func(other *author) bool {
		return other.Conn > a.Conn && slices.ContainsFunc(other.wills, func(y *entry) bool { return y.Topic == x.Topic && y.GID == x.GID })
	})
}

// publish says what is due, without the lock: others may hear it and come back.
func (b *Book) publish(due []testament) {
	for _, d := range due {
		err := d.from.Publish(d.frame)
		b.mu.Lock()
		if err == nil {
			b.stats.Published++
		}
		if owner := d.from.Owner; owner != (event.Ref{}) {
			if b.saying[owner]--; b.saying[owner] == 0 {
				delete(b.saying, owner)
			}
			b.said.Broadcast()
		}
		b.mu.Unlock()
		if err != nil {
			b.refuse(d.from.Name, err)
			continue
		}
		b.opts.Logger.Debug("last will published", "peer", d.from.Name, "topic", d.Topic, "gid", d.GID)
	}
}

// refuse counts, and writes a line a second at most: strangers can lay down what they like.
func (b *Book) refuse(name string, err error) {
	b.mu.Lock()
	b.stats.Refused++
	now := time.Now()
	if now.Sub(b.logged) < time.Second {
		b.silent++
		b.mu.Unlock()
		return
	}
	more := b.silent
	b.logged, b.silent = now, 0
	b.mu.Unlock()
	b.opts.Logger.Warn("last will refused", "peer", name, "err", err, "unlogged", more)
}
