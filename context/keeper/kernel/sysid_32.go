//go:build 386 || arm

package kernel

import "syscall"

// The calls that take a user or a group as 32 bits; the older ones take 16.
const (
	SetGroups = syscall.SYS_SETGROUPS32
	SetResGID = syscall.SYS_SETRESGID32
	SetResUID = syscall.SYS_SETRESUID32
)
