package interop

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"time"

	"zmicroservices/test/harness"
)

// peerKind is a row, or a column, of the matrix.
type peerKind struct {
	name string
	kind string
	make maker
}

// heartbeats are a PING every 50 ms; who gets no answer for a second leaves.
const heartbeats = "HEARTBEAT=50"

var publishers = []peerKind{
	{"pyzmq PUB", "PUB", pyzmq()},
	{"pyzmq XPUB", "XPUB", pyzmq()},
	{"pyzmq PUB with heartbeats", "PUB", pyzmq(heartbeats)},
	{"czmq PUB", "PUB", czmq()},
	{"zmq4 PUB", "PUB", own("zmq4")},
	{"ZMTP 3.0 PUB", "PUB", own("raw 3.0")},
	{"ZMTP 3.1 XPUB", "PUB", own("raw 3.1")},
}

var subscribers = []peerKind{
	{"pyzmq SUB", "SUB", pyzmq()},
	{"pyzmq XSUB", "XSUB", pyzmq()},
	{"pyzmq SUB with heartbeats", "SUB", pyzmq(heartbeats)},
	{"czmq SUB", "SUB", czmq()},
	{"zmq4 SUB", "SUB", own("zmq4")},
	{"ZMTP 3.0 SUB", "SUB", own("raw 3.0")},
	{"ZMTP 3.1 SUB", "SUB", own("raw 3.1")},
}

// Every implementation hears every other through the product: all frames of all
// messages, in order, of the topics that it asked for and of no other; and nothing
// of a topic that it has cancelled.
func TestEveryPeerHearsEveryPeer(t *testing.T) {
	p := harness.Start(t, harness.Write(t, bare))
	newMatrix(t, p, publishers, subscribers).judge()
	p.Stop()
}

// matrix is peers at one bus.
type matrix struct {
	t          *testing.T
	pubs, subs []*voice
	began      time.Time
}

func newMatrix(t *testing.T, p *harness.Provider, pubs, subs []peerKind) *matrix {
	t.Helper()
	m := &matrix{t: t, began: time.Now()}
	for _, k := range subs {
		m.subs = append(m.subs, raise(t, k.name, k.make(t, k.kind, p.Subscribe, "matrix.", "stay.")))
	}
	for _, k := range pubs {
		m.pubs = append(m.pubs, raise(t, k.name, k.make(t, k.kind, p.Publish)))
	}
	m.join()
	return m
}

// The first frames of the matrix's messages.
const (
	hail   = "matrix.hail"
	word   = "matrix.word"
	last   = "matrix.last"
	other  = "other"
	gone   = "matrix.gone"
	stayed = "stay.here"
)

// join has every publisher hail until every subscriber has heard it: all
// connections stand and all subscriptions are in force then.
func (m *matrix) join() {
	m.t.Helper()
	deadline := time.Now().Add(harness.Patience)
	for i, pub := range m.pubs {
		for _, sub := range m.subs {
			for !m.hailed(sub, pub, i) {
				if time.Now().After(deadline) {
					m.t.Fatalf("%s does not hear %s", sub.name, pub.name)
				}
			}
		}
	}
}

func (m *matrix) hailed(sub, pub *voice, i int) bool {
	pub.say([]byte(hail), []byte{byte(i)})
	for {
		heard := sub.hear(20 * time.Millisecond)
		if heard == nil {
			return false
		}
		if len(heard) == 2 && string(heard[0]) == hail && bytes.Equal(heard[1], []byte{byte(i)}) {
			return true
		}
	}
}

// said is what publisher i says: the sizes are those at which something changes.
func said(i int) (all [][][]byte) {
	first := fmt.Appendf(nil, "%s %d;", word, i)
	whole := make([]byte, 256)
	for i := range whole {
		whole[i] = byte(i)
	}
	all = append(all, [][]byte{first}, [][]byte{first, {}}, [][]byte{first, {}, []byte("three"), {}}, [][]byte{first, whole})
	for _, size := range []int{255, 256, 8192, 70_000} { // of a short frame, of libzmq's batch, of our chunk
		all = append(all, [][]byte{append(slices.Clone(first), bytes.Repeat([]byte{' '}, size-len(first))...)})
	}
	for n := range 20 {
		all = append(all, [][]byte{fmt.Appendf(nil, "%s %d", first, n)})
	}
	return all
}

func (m *matrix) judge() {
	m.t.Helper()
	for i, pub := range m.pubs {
		pub.say([]byte(other), []byte("nobody asked for this"))
		for _, message := range said(i) {
			pub.say(message...)
		}
		pub.say([]byte(last))
	}
	for _, sub := range m.subs {
		heard := m.all(sub)
		for i, pub := range m.pubs {
			m.t.Run(pub.name+" to "+sub.name, func(t *testing.T) {
				want := said(i)
				if got := heard[i]; !slices.EqualFunc(got, want, func(a, b [][]byte) bool { return text(a) == text(b) }) {
					t.Errorf("%d messages were heard, %d said: %.300q", len(got), len(want), got)
				}
			})
		}
	}
	// Long enough for many heartbeats: who was not answered would have left.
	if rest := time.Until(m.began.Add(1500 * time.Millisecond)); rest > 0 {
		<-time.After(rest)
	}
	for _, sub := range m.subs {
		m.t.Run(sub.name+" cancels", func(*testing.T) { m.cancels(sub) })
	}
}

// all is what a subscriber hears until every publisher's last word, by the number
// of the publisher.
func (m *matrix) all(sub *voice) map[int][][][]byte {
	m.t.Helper()
	heard := map[int][][][]byte{}
	for ended := 0; ended < len(m.pubs); {
		message := sub.hear(harness.Patience)
		if message == nil {
			m.t.Fatalf("%s waits for the last words of %d publishers", sub.name, len(m.pubs)-ended)
		}
		who := 0
		switch first := string(message[0]); {
		case first == hail:
		case first == last:
			ended++
		default:
			if n, err := fmt.Sscanf(first, word+" %d;", &who); n != 1 || err != nil {
				m.t.Errorf("%s heard %q, which it did not ask for", sub.name, first)
			}
			heard[who] = append(heard[who], message)
		}
	}
	return heard
}

// cancels has a subscriber cancel one of its topics. It hears the other, and from
// some time on nothing of the first.
func (m *matrix) cancels(sub *voice) {
	m.t.Helper()
	sub.order("cancel matrix.")
	deadline := time.Now().Add(harness.Patience)
	for round := 0; ; round++ {
		mark := fmt.Appendf(nil, "%s %s %d", stayed, sub.name, round)
		m.pubs[0].say([]byte(gone))
		m.pubs[0].say(mark)
		still := false
		for {
			message := sub.hear(harness.Patience)
			if message == nil {
				m.t.Fatalf("%s does not hear what it has not cancelled", sub.name)
			}
			if bytes.Equal(message[0], mark) {
				break
			}
			still = still || string(message[0]) == gone
		}
		if !still {
			return
		}
		if time.Now().After(deadline) {
			m.t.Fatalf("%s still hears what it has cancelled", sub.name)
		}
	}
}
