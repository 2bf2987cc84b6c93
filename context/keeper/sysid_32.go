//go:build 386 || arm

package keeper

import "syscall"

// The calls that take a user or a group as 32 bits; the older ones take 16.
const (
	sysSetgroups = syscall.SYS_SETGROUPS32
	sysSetresgid = syscall.SYS_SETRESGID32
	sysSetresuid = syscall.SYS_SETRESUID32
)
