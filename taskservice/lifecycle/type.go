package lifecycle

import (
	"fmt"
	"strings"
)

// Type is a kind of event. Its zero value is none.
type Type int

// The types of events.
const (
	Startup     Type = iota + 1 // a component has started
	Shutdown                    // it is about to end
	Provisioned                 // it was given its configuration
	Alive                       // it still works; said at intervals
	Upgraded                    // it is about to be replaced by another version
)

// traits are what types differ in.
var traits = [...]struct {
	name       string
	versioned  bool // needs Version
	newVersion bool // needs NewVersion
}{
	Startup:     {name: "startup", versioned: true},
	Shutdown:    {name: "shutdown"},
	Provisioned: {name: "provisioned"},
	Alive:       {name: "alive", versioned: true},
	Upgraded:    {name: "upgraded", versioned: true, newVersion: true},
}

func (t Type) known() bool { return t > 0 && int(t) < len(traits) }

// String is the word of a type in topics and protocols: "startup".
func (t Type) String() string {
	if !t.known() {
		return fmt.Sprintf("Type(%d)", int(t))
	}
	return traits[t].name
}

// Types are all of them.
func Types() []Type { return []Type{Startup, Shutdown, Provisioned, Alive, Upgraded} }

// TypeNames are the words of all types.
func TypeNames() []string {
	var names []string
	for _, t := range Types() {
		names = append(names, t.String())
	}
	return names
}

// ParseType is the type of a word.
func ParseType(name string) (Type, error) {
	for _, t := range Types() {
		if t.String() == name {
			return t, nil
		}
	}
	return 0, fmt.Errorf("unknown event type %q; known are %s", name, strings.Join(TypeNames(), ", "))
}

const (
	protocolPrefix = "io.choria.lifecycle.v1."
	oldPrefix      = "choria:lifecycle:" // of older releases of Choria, followed by the type and ":1"
	oldSuffix      = ":1"
)

// typeOfProtocol is the type that either form of a protocol names.
func typeOfProtocol(protocol string) (Type, error) {
	name, found := strings.CutPrefix(protocol, protocolPrefix)
	if !found {
		name, found = strings.CutPrefix(protocol, oldPrefix)
		if found {
			name, found = strings.CutSuffix(name, oldSuffix)
		}
	}
	if !found {
		return 0, fmt.Errorf("protocol %q is not of a life cycle event", protocol)
	}
	t, err := ParseType(name)
	if err != nil {
		return 0, fmt.Errorf("protocol %q: %w", protocol, err)
	}
	return t, nil
}
