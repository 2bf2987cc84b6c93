//go:build !386 && !arm

package keeper

import "syscall"

// The calls that take a user or a group as 32 bits.
const (
	sysSetgroups = syscall.SYS_SETGROUPS
	sysSetresgid = syscall.SYS_SETRESGID
	sysSetresuid = syscall.SYS_SETRESUID
)
