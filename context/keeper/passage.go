package keeper

import (
	"fmt"
	"os"
	"strings"
	"syscall"
)

// A passage is how a program is executed that was given Attributes: the keeper
// executes its own binary once more, which takes the attributes upon itself and then
// becomes the program. pid, parent and argv[0] are the program's own; of the passage
// nothing is left, no descriptor, no variable. Who asks for no attributes pays
// nothing for it.

// passageArg is the keeper's argument that makes it a passage.
const passageArg = "passage"

// passageFD is the descriptor over which a passage gets its Spec and says how far it
// came; it closes when the program is executed.
const passageFD = 3

// become executes the program of a spec with attributes by way of a passage, and
// returns when it is executed, or why it is not. attr is as for a plain one.
func (sp *spawner) become(spec Spec, attr *syscall.ProcAttr) (int, error) {
	pair, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, os.NewSyscallError("socketpair", err)
	}
	mine, its := pair[0], pair[1]
	defer syscall.Close(mine)
	text, err := (&message{Kind: kindSpawn, Spec: &spec}).encode(nil)
	if err != nil {
		_ = syscall.Close(its)
		return 0, err
	}
	// Its environment is the cookie alone: what the program is given may change how
	// a program begins that is not meant (GODEBUG, LD_PRELOAD). The directory is for
	// the user to enter.
	attr.Dir, attr.Env, attr.Files = "", cookies(spec.Env), append(attr.Files, uintptr(its))
	pid, err := syscall.ForkExec("/proc/self/exe", []string{os.Args[0], Arg, passageArg}, attr)
	_ = syscall.Close(its)
	if err != nil {
		return 0, fmt.Errorf("execute keeper once more: %w", err)
	}
	err = spec.arrive(mine, text)
	if err != nil {
		_ = syscall.Kill(-pid, syscall.SIGKILL)
		_, _ = syscall.Wait4(pid, nil, 0, nil)
		if fd := attr.Sys.PidFD; *fd >= 0 {
			_ = syscall.Close(*fd)
			*fd = -1
		}
	}
	return pid, err
}

// arrive tells a passage what to be, and hears how far it came.
func (s *Spec) arrive(fd int, text []byte) error {
	for len(text) > 0 {
		n, err := syscall.SendmsgN(fd, text, nil, nil, syscall.MSG_NOSIGNAL)
		if err != nil && err != syscall.EINTR {
			return errUnborn
		}
		text = text[max(n, 0):]
	}
	_ = syscall.Shutdown(fd, syscall.SHUT_WR)
	var said []byte
	var buf [8]byte
	for {
		n, err := syscall.Read(fd, buf[:])
		switch {
		case err == syscall.EINTR:
		case n > 0 && len(said) < len(buf):
			said = append(said, buf[:n]...)
		case len(said) == 1 && step(said[0]) == stepExecute:
			return nil // the end of the stream is that of the passage
		case len(said) < 3:
			return errUnborn
		default:
			if said = said[len(said)-3:]; step(said[0]) == stepLimit && int(said[1]) >= len(s.Attributes.Limits) {
				return errUnborn
			}
			return s.blame(step(said[0]), int(said[1]), syscall.Errno(said[2]))
		}
	}
}

// cookies are the variables by which a process is known for its service's, and none
// of Go's traces in the service's output if the passage breaks.
func cookies(env []string) []string {
	out := []string{"GOTRACEBACK=none"}
	for _, entry := range env {
		if strings.HasPrefix(entry, CookieName+"=") || strings.HasPrefix(entry, HomeName+"=") {
			out = append(out, entry)
		}
	}
	return out
}
