package keys

import (
	"errors"
	"syscall"
)

// isShortage says that it is the system that lacks something, and not the file
// that is wrong: it would be read a moment later.
func isShortage(err error) bool {
	for _, s := range []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM, syscall.EINTR, syscall.EIO} {
		if errors.Is(err, s) {
			return true
		}
	}
	return false
}
