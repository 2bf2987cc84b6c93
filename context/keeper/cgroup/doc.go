// Package cgroup makes control groups (cgroups(7), version 2) for slots of the keeper:
// one that is in such a group is found and ended whatever it does to its environment and
// its process group, and the kernel holds its limits.
//
//	tree := cgroup.New(stateDir, "")
//	dir, fd, err := tree.Make("tr.ts001.1", &cgroup.Limits{Memory: 1 << 30})
//	…                       // clone3(2) with CLONE_INTO_CGROUP and fd
//	cgroup.Kill(dir)        // all of it, in one stroke
//	busy := cgroup.Remove(dir)
//
// It works on files below the keeper's own group alone. It never moves a process but the
// keeper itself, and that only where the group was given to it whole (Delegate=yes). It
// knows no slots: a group has a name.
//
// Why not libcontainer or systemd's D-Bus calls: a keeper without third-party imports and
// without a service manager is to do the same in a container and on a bare machine.
package cgroup
