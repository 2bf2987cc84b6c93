package curve

import "errors"

// What a caller may branch on. A command that breaks the grammar is
// zmtp.ErrMalformed.
var (
	// ErrBox means that a box does not open: another key than the one expected,
	// or bytes that were changed on the way.
	ErrBox = errors.New("box does not open")
	// ErrNonce means that a nonce came again, or a lower one than before.
	ErrNonce = errors.New("nonce used again")
	// ErrDenied means that the peer proved who it is, and may not come in.
	ErrDenied = errors.New("key is not authorized")
)
