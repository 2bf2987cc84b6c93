package main

import (
	"crypto/rand"
	"io"
	"os"
	"time"

	"github.com/google/uuid"
	"golang.org/x/term"
)

// world is what a run has around it; tests bring their own.
type world struct {
	out, err io.Writer
	terminal bool // out is one
	colour   bool // out is a terminal, and nobody objects
	screen   bool // out's cursor can be moved
	unicode  bool // out shows UTF-8
	watched  bool // somebody looks at err while we run
	painted  bool // err may have colours

	requestID   func() string
	transaction func() string
	now         func() time.Time
}

func realWorld() world {
	colour := wantsColour(os.Getenv)
	terminal := term.IsTerminal(int(os.Stdout.Fd()))
	watched := term.IsTerminal(int(os.Stderr.Fd()))
	return world{
		out:         os.Stdout,
		err:         os.Stderr,
		terminal:    terminal,
		colour:      colour && terminal,
		screen:      hasScreen(os.Getenv),
		unicode:     speaksUnicode(os.Getenv),
		watched:     watched,
		painted:     colour && watched,
		requestID:   uuid.NewString,
		transaction: newTransaction,
		now:         time.Now,
	}
}

// wantsColour follows no-color.org: NO_COLOR with any value but the empty one.
func wantsColour(getenv func(string) string) bool {
	return getenv("NO_COLOR") == "" && getenv("TERM") != "dumb"
}

// newTransaction makes an id as the original does: 20 characters of A-Z0-9.
func newTransaction() string {
	const letters, size = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", 20
	id := make([]byte, 0, size)
	var random [size]byte
	for len(id) < size {
		rand.Read(random[:]) // never fails, see crypto/rand
		for _, b := range random {
			// 252 is the largest multiple of 36 in a byte: beyond it some letters
			// would come more often than others.
			if b < 252 && len(id) < size {
				id = append(id, letters[int(b)%len(letters)])
			}
		}
	}
	return string(id)
}
