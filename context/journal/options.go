package journal

import (
	"errors"
	"log/slog"
	"time"
)

// Options say where a journal is and how much it keeps. Path, Boot and Logger
// are required; the zero value of any other field stands for its default.
type Options struct {
	Path   string // the file, journal.db by custom; its folder must exist
	Boot   string // the boot that this process lives in (/proc/sys/kernel/random/boot_id)
	Logger *slog.Logger

	Keep time.Duration // rows older than this go: 30 days
	Rows int           // rows beyond this go, the oldest first: 1,000,000
	Ring int           // writes that wait for a failing disk at most: store's default

	// Newer opens the file of a newer program as it is: for one to which an
	// upgrade was rolled back.
	Newer bool
}

func (o Options) withDefaults() Options {
	if o.Keep == 0 {
		o.Keep = 30 * 24 * time.Hour
	}
	if o.Rows == 0 {
		o.Rows = 1_000_000
	}
	return o
}

func (o Options) validate() error {
	switch {
	case o.Boot == "":
		return errors.New("journal options: no Boot")
	case o.Keep < 0:
		return errors.New("journal options: Keep is negative")
	case o.Rows < 0:
		return errors.New("journal options: Rows is negative")
	}
	return nil
}
