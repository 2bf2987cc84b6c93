package keys

import (
	"fmt"
	"strings"
)

// Role is what a key or a user may do, each more than the one before it.
type Role int

// The roles.
const (
	// Observe may subscribe.
	Observe Role = iota
	// Serve may publish, too; about a task service only if it is one of its own.
	Serve
	// Operate may do everything: it may start programs.
	Operate
)

var roles = [...]string{Observe: "observe", Serve: "serve", Operate: "operate"}

// String is the role as it is written in files.
func (r Role) String() string {
	if r < 0 || int(r) >= len(roles) {
		return fmt.Sprintf("role %d", int(r))
	}
	return roles[r]
}

// ParseRole reads a role; an empty text is the least.
func ParseRole(text string) (Role, error) {
	if text == "" {
		return Observe, nil
	}
	for role, name := range roles {
		if text == name {
			return Role(role), nil
		}
	}
	return Observe, fmt.Errorf("role %.32q is none of %s", text, strings.Join(roles[:], ", "))
}

// Grant is who somebody is, and what he may do.
type Grant struct {
	Name     string
	Role     Role
	Services []string // ids of the task services that Serve may speak for
}

// parseGrant reads what files say. Ids of services are separated by spaces or
// commas.
func parseGrant(name, role, services string) (g Grant, err error) {
	g.Name = name
	if g.Role, err = ParseRole(role); err != nil {
		return Grant{}, err
	}
	g.Services = strings.FieldsFunc(services, func(r rune) bool { return r == ' ' || r == ',' || r == '\t' })
	return g, nil
}
