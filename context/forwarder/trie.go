package forwarder

import "bytes"

// trie holds all subscriptions as a radix tree over the bytes of their prefixes.
// A message walks down once along its own first bytes, so what it costs depends
// on the longest prefix that matches and on nobody else's subscriptions.
//
// It is guarded by Forwarder.trieMu: changed under the write lock, walked under
// the read lock.
type trie struct {
	root node
	size int // members in all nodes
}

// node is the end of a prefix (members are those who subscribed to exactly it),
// a fork, or both.
type node struct {
	label   []byte // what leads here from the parent
	parent  *node
	index   []byte  // first byte of each child's label
	kids    []*node // in the order of index
	members []*member
}

// member is one subscription of one peer.
type member struct {
	sub  *subscriber
	node *node
	at   int // index in node.members
}

// add subscribes sub to prefix. The caller sees to it that a peer's prefixes are
// a set.
func (t *trie) add(sub *subscriber, prefix []byte) *member {
	n := &t.root
	for len(prefix) > 0 {
		i := bytes.IndexByte(n.index, prefix[0])
		if i < 0 {
			kid := &node{label: bytes.Clone(prefix), parent: n}
			n.index = append(n.index, prefix[0])
			n.kids = append(n.kids, kid)
			n = kid
			break
		}
		kid := n.kids[i]
		k := commonPrefix(kid.label, prefix)
		if k < len(kid.label) {
			// Fork: a new node for what both share, the old one below it.
			fork := &node{label: kid.label[:k:k], parent: n, index: []byte{kid.label[k]}, kids: []*node{kid}}
			kid.label, kid.parent = kid.label[k:], fork
			n.kids[i] = fork
			kid = fork
		}
		n, prefix = kid, prefix[k:]
	}
	m := &member{sub: sub, node: n, at: len(n.members)}
	n.members = append(n.members, m)
	t.size++
	return m
}

// concerns says whether a message may match whose body begins with key, and of which
// nothing else is known.
func (t *trie) concerns(key []byte) bool {
	n := &t.root
	for len(n.members) == 0 && len(key) > 0 {
		i := bytes.IndexByte(n.index, key[0])
		if i < 0 {
			return false
		}
		n = n.kids[i]
		k := commonPrefix(n.label, key)
		if key = key[k:]; k < len(n.label) {
			return len(key) == 0 // who subscribed has asked for more than the key
		}
	}
	return len(n.members)+len(n.kids) > 0
}

// remove ends a subscription and prunes what nobody needs any more.
func (t *trie) remove(m *member) {
	n := m.node
	last := len(n.members) - 1
	n.members[m.at] = n.members[last]
	n.members[m.at].at = m.at
	n.members[last] = nil
	n.members = n.members[:last]
	t.size--
	for n.parent != nil && len(n.members) == 0 {
		p := n.parent
		i := bytes.IndexByte(p.index, n.label[0])
		switch len(n.kids) {
		case 0:
			end := len(p.kids) - 1
			p.kids[i], p.index[i] = p.kids[end], p.index[end]
			p.kids[end] = nil
			p.kids, p.index = p.kids[:end], p.index[:end]
		case 1:
			// A fork with one way out is no fork.
			kid := n.kids[0]
			kid.label = append(n.label[:len(n.label):len(n.label)], kid.label...)
			kid.parent = p
			p.kids[i] = kid
			return
		default:
			return
		}
		n = p
	}
}

// match returns the deepest node on b's way down that has members, or nil. All
// that match b are its members and those of the nodes above it.
func (t *trie) match(b []byte) *node {
	n := &t.root
	var deepest *node
	for {
		if len(n.members) > 0 {
			deepest = n
		}
		if len(b) == 0 || len(n.kids) == 0 {
			return deepest
		}
		i := bytes.IndexByte(n.index, b[0])
		if i < 0 {
			return deepest
		}
		kid := n.kids[i]
		if len(b) < len(kid.label) || string(b[:len(kid.label)]) != string(kid.label) {
			return deepest
		}
		n, b = kid, b[len(kid.label):]
	}
}

func commonPrefix(a, b []byte) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}
