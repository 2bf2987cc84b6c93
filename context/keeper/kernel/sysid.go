//go:build !386 && !arm

package kernel

import "syscall"

// The calls that take a user or a group as 32 bits.
const (
	SetGroups = syscall.SYS_SETGROUPS
	SetResGID = syscall.SYS_SETRESGID
	SetResUID = syscall.SYS_SETRESUID
)
