package keeper

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// Attributes are what a process is given beside program, argv, environment and
// directory. What is nil or empty is the keeper's own. Names are for reasons alone:
// who asks has looked them up.
type Attributes struct {
	Credential *Credential `json:"credential,omitempty"`
	Umask      *int        `json:"umask,omitempty"`    // umask(2)
	Nice       *int        `json:"nice,omitempty"`     // -20 to 19, setpriority(2)
	Affinity   []int       `json:"affinity,omitempty"` // CPU numbers, sched_setaffinity(2)
	Limits     []RLimit    `json:"limits,omitempty"`
}

// Credential is whom a process runs as. The keeper must be root for any but its own.
type Credential struct {
	Name   string   `json:"name"` // "user demo", for reasons
	UID    uint32   `json:"uid"`
	GID    uint32   `json:"gid"`
	Groups []uint32 `json:"groups,omitempty"` // supplementary; nil is the keeper's
}

// RLimit is one limit of setrlimit(2). Unlimited is RLIM_INFINITY.
type RLimit struct {
	Name string `json:"name"` // nofile, nproc, as, core
	Soft uint64 `json:"soft"`
	Hard uint64 `json:"hard"`
}

// Unlimited is no limit at all, of RLimit.
const Unlimited = ^uint64(0)

// resources are the numbers of the limits by name.
var resources = map[string]int{
	"nofile": syscall.RLIMIT_NOFILE, "as": syscall.RLIMIT_AS, "core": syscall.RLIMIT_CORE,
	"nproc": 6, // RLIMIT_NPROC, which package syscall lacks
}

// maxCPU bounds Affinity: NR_CPUS of the kernel is 8192 at most.
const maxCPU = 8191

func (a *Attributes) check() error {
	for _, l := range a.Limits {
		switch _, known := resources[l.Name]; {
		case !known:
			return fmt.Errorf("limit %q does not exist", l.Name)
		case l.Soft > l.Hard:
			return fmt.Errorf("limit %s: soft %d is above hard %d", l.Name, l.Soft, l.Hard)
		}
	}
	switch {
	case a.Umask != nil && *a.Umask&^0o777 != 0:
		return fmt.Errorf("umask %#o does not exist", *a.Umask)
	case a.Nice != nil && (*a.Nice < -20 || *a.Nice > 19):
		return fmt.Errorf("nice %d is not between -20 and 19", *a.Nice)
	case slices.ContainsFunc(a.Affinity, func(cpu int) bool { return cpu < 0 || cpu > maxCPU }):
		return fmt.Errorf("affinity %v has a CPU beyond 0 to %d", a.Affinity, maxCPU)
	}
	return nil
}

// step is one thing that a passage does, in this order. Its number goes from the
// passage to the keeper, which are always of the same binary.
type step byte

const (
	stepLimit step = iota + 1
	stepNice
	stepAffinity
	stepUmask
	stepGroups
	stepGID
	stepUID
	stepDir
	stepExecute // began: all before went well
)

// blame says which element the kernel refused, and what helps.
func (s *Spec) blame(at step, limit int, e syscall.Errno) error {
	a := s.Attributes
	who := ""
	if a.Credential != nil {
		who = " as " + a.Credential.Name
	}
	var what, help string
	switch at {
	case stepLimit:
		l := a.Limits[limit]
		what = fmt.Sprintf("set limit %s to %s", l.Name, l)
		if e == syscall.EPERM {
			help = "only root may raise a hard limit, and that of nofile up to /proc/sys/fs/nr_open alone: ask for less, or run the provider as root"
		}
	case stepNice:
		what = fmt.Sprintf("set nice to %d", *a.Nice)
		if e == syscall.EPERM || e == syscall.EACCES {
			help = "only root may ask for more of the processor than it has: run the provider as root, or drop <nice>"
		}
	case stepAffinity:
		what = "set affinity to " + strings.Trim(fmt.Sprint(a.Affinity), "[]")
		if e == syscall.EINVAL {
			help = "this machine lets it use none of these CPUs; nproc(1) counts those it may"
		}
	case stepUmask:
		what = "set umask"
	case stepGroups, stepGID, stepUID:
		what = "become " + a.Credential.Name
		if e == syscall.EPERM {
			help = "run the provider as root, or drop <user> and <group>"
		}
	case stepDir:
		what = "change directory to " + s.Dir + who
		if e == syscall.EACCES {
			help = "name a <directory> that it may enter"
		}
	default:
		if e != syscall.EAGAIN {
			return fmt.Errorf("%w%s", explain(*s, e), who)
		}
		what, help = "execute "+s.Path+who, "this user has as many processes as <limits nproc> allows"
	}
	if help == "" {
		return fmt.Errorf("%s: %w", what, e)
	}
	return fmt.Errorf("%s: %w; %s", what, e, help)
}

// String is soft:hard, as a Context file has it.
func (l RLimit) String() string {
	text := func(n uint64) string {
		if n == Unlimited {
			return "unlimited"
		}
		return strconv.FormatUint(n, 10)
	}
	return text(l.Soft) + ":" + text(l.Hard)
}

// errUnborn is a passage that ended without a word.
var errUnborn = errors.New("it ended before its program was executed")
