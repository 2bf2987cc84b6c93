package launch

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/user"
	"slices"
	"strconv"
	"strings"

	"zmicroservices/conf"
)

// Account is whom a task service runs as, when its file says so.
type Account struct {
	Name   string // "user demo", "group video", for reasons
	UID    uint32
	GID    uint32
	Groups []uint32 // supplementary, as initgroups(3) has them; nil is the provider's own

	login, home, shell string
}

// AccountOf looks up <user> and <group> in the user database; nil if p has
// neither. Either may be a number. A user brings its groups; a group
// alone is the provider's user in that group.
func AccountOf(p *conf.Process) (*Account, error) {
	if p.User == "" && p.Group == "" {
		return nil, nil
	}
	a := &Account{Name: "group " + p.Group, UID: uint32(os.Getuid())}
	if p.User != "" {
		a.Name = "user " + p.User
		if err := a.lookUp(p.User, p.Group != ""); err != nil {
			return nil, fmt.Errorf("find user %s: %w", p.User, err)
		}
	}
	if p.Group == "" {
		return a, nil
	}
	gid, err := groupID(p.Group)
	if err != nil {
		return nil, fmt.Errorf("find group %s: %w", p.Group, err)
	}
	if a.Groups != nil { // its own group gives way; it stays a member of the others
		a.Groups = append([]uint32{gid}, a.Groups[1:]...)
	}
	a.GID = gid
	return a, nil
}

// lookUp fills in what the user database has of a user. One that it does not know
// may be a number, and then its group must be said.
func (a *Account) lookUp(name string, grouped bool) error {
	u, err := user.Lookup(name)
	number, notNumber := strconv.ParseUint(name, 10, 32)
	if err != nil && notNumber == nil {
		if u, err = user.LookupId(name); err != nil && grouped {
			a.UID, a.Groups = uint32(number), []uint32{0} // the place of <group>
			return nil
		}
	}
	var unknown user.UnknownUserError
	var unknownID user.UnknownUserIdError
	switch {
	case errors.As(err, &unknownID):
		return errors.New("there is no such user: make it with useradd(8), or name a <group> beside the number")
	case errors.As(err, &unknown):
		return errors.New("there is no such user: make it with useradd(8), or mend <user>")
	case err != nil:
		return err
	}
	ids, err := u.GroupIds()
	if err != nil {
		return fmt.Errorf("its groups: %w", err)
	}
	// The first is its own; package user says so of neither of its two ways.
	for _, id := range slices.Insert(slices.DeleteFunc(ids, func(id string) bool { return id == u.Gid }), 0, u.Gid) {
		gid, err := strconv.ParseUint(id, 10, 32)
		if err != nil {
			return fmt.Errorf("its groups: %w", err)
		}
		a.Groups = append(a.Groups, uint32(gid))
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	a.UID, a.GID = uint32(uid), a.Groups[0]
	a.login, a.home, a.shell = u.Username, u.HomeDir, shellOf(u.Username)
	return err
}

func groupID(name string) (uint32, error) {
	if g, err := user.LookupGroup(name); err == nil {
		name = g.Gid
	} else if _, notNumber := strconv.ParseUint(name, 10, 32); notNumber != nil {
		return 0, errors.New("there is no such group: make it with groupadd(8), or mend <group>")
	}
	gid, err := strconv.ParseUint(name, 10, 32)
	return uint32(gid), err
}

// UIDOf is the number of a <user>; false if there is none.
func UIDOf(name string) (int, bool) {
	a, err := AccountOf(&conf.Process{User: name, Group: "0"}) // of a number alone no group is known
	if err != nil {
		return 0, false
	}
	return int(a.UID), true
}

// Env are the variables that say who one is, as login(1) sets them. They stand
// before the task's own, which may say otherwise.
func (a *Account) Env() []conf.Env {
	if a == nil || a.login == "" {
		return nil
	}
	return []conf.Env{
		{Name: "HOME", Value: a.home}, {Name: "USER", Value: a.login},
		{Name: "LOGNAME", Value: a.login}, {Name: "SHELL", Value: a.shell},
	}
}

// passwd is where shells are: package user leaves them out.
const passwd = "/etc/passwd"

// shellOf is the last field of passwd(5); /bin/sh, its default, for a user that
// another database has.
func shellOf(login string) string {
	f, err := os.Open(passwd)
	if err != nil {
		return "/bin/sh"
	}
	defer func() { _ = f.Close() }()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if fields := strings.Split(lines.Text(), ":"); len(fields) == 7 && fields[0] == login && fields[6] != "" {
			return fields[6]
		}
	}
	return "/bin/sh"
}
