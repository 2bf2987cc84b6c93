package tally

import (
	"time"

	"zmicroservices/taskservice/lifecycle"
)

// ledger is what was counted, in bounds.
type ledger struct {
	components     map[string]*component
	versions       int // of all components
	idle           int // of those, that nobody runs
	mostComponents int
	mostVersions   int

	maintained  uint64 // looks for silent nodes
	maintenance time.Duration
	overflow    map[string]uint64 // by kind
}

// The kinds of overflow.
const (
	kindComponent = "component"
	kindVersion   = "version"
	kindNode      = "node"
)

func newLedger(components, versions int) *ledger {
	return &ledger{
		components: map[string]*component{}, mostComponents: components, mostVersions: versions,
		overflow: map[string]uint64{kindComponent: 0, kindVersion: 0, kindNode: 0},
	}
}

// component is what was counted of one.
type component struct {
	name                          string
	good, errors, expired, missed uint64
	types                         map[lifecycle.Type]uint64
	versions                      map[string]*version
	processed                     uint64
	processing                    time.Duration
}

// version is how many nodes run one.
type version struct{ nodes int }

// component finds one, or the one for all that are beyond the bound.
func (l *ledger) component(name string) *component {
	c := l.components[name]
	if c == nil && len(l.components) >= l.mostComponents && name != other {
		l.overflow[kindComponent]++
		name = other
		c = l.components[name]
	}
	if c == nil {
		c = &component{name: name, types: map[lifecycle.Type]uint64{}, versions: map[string]*version{}}
		l.components[name] = c
	}
	return c
}

// node is one that is counted in a version.
type node struct {
	component *component
	version   *version
}

// join counts a node in a version of a component, or in the one for all that are beyond
// the bound, and no more where it was before.
func (l *ledger) join(c *component, name string, before node) node {
	v := c.versions[name]
	if v != nil && v == before.version {
		return before
	}
	l.leave(before)
	if v == nil && name != other && l.full() {
		l.overflow[kindVersion]++
		name = other
		v = c.versions[name]
	}
	if v == nil {
		v = &version{}
		c.versions[name] = v
		l.versions++
		l.idle++
	}
	if v.nodes == 0 {
		l.idle--
	}
	v.nodes++
	return node{c, v}
}

// leave counts a node no more; one that was never counted changes nothing.
func (l *ledger) leave(n node) {
	if n.version == nil {
		return
	}
	if n.version.nodes--; n.version.nodes == 0 {
		l.idle++
	}
}

// full says whether there is no room for a version more. Those that nobody runs, which
// are shown as 0, make room.
func (l *ledger) full() bool {
	if l.versions < l.mostVersions {
		return false
	}
	if l.idle == 0 {
		return true
	}
	for _, c := range l.components {
		for name, v := range c.versions {
			if v.nodes == 0 {
				delete(c.versions, name)
				l.versions--
			}
		}
	}
	l.idle = 0
	return false
}
