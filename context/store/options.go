package store

import (
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"time"
)

// Options say what a store is. Path, Schema and Logger are required; the zero
// value of any other field stands for its default.
type Options struct {
	Path   string       // the file; its folder must exist
	Schema []string     // migrations: Schema[n] brings a file of version n to n+1. They only add
	Logger *slog.Logger // hears of failure, recovery, loss, damage

	Sync     Sync          // what a commit waits for: Normal
	Ring     int           // writes that may wait: 32,768
	Patience time.Duration // how long a Barrier waits for a commit that does not come back: 5 s
	Retry    time.Duration // longest pause between two attempts to write: 5 s
	Linger   time.Duration // how long a write waits for others, unless somebody asks a Barrier: not at all
	Busy     time.Duration // how long to wait for another process that has locked the file: 5 s

	// Vital are tables that the owner cannot do without: checked by Open, and
	// carried over, as far as they can be read, when the file is damaged.
	Vital []string
	// Newer opens a file of a newer schema as it is. For a program to which an
	// upgrade was rolled back: migrations only add, so it finds all it knows.
	Newer bool
}

// Sync is what a commit waits for; doc.go says when to choose which.
type Sync uint8

// The choices.
const (
	Normal Sync = iota // the kernel has it: outlives this process
	Full               // the disk has it: outlives a power cut
)

func (s Sync) String() string {
	if s == Full {
		return "FULL"
	}
	return "NORMAL"
}

// firstRetry is the pause after the first failure; it doubles up to Retry.
const firstRetry = 50 * time.Millisecond

// takesAway are words of a migration that does more than add. A new table or
// column may be named as it likes, in quotes.
var takesAway = regexp.MustCompile(`(?i)\b(DROP|RENAME)\b`)

// table is a name that may stand in a statement without quotes.
var table = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

func (o Options) withDefaults() Options {
	if o.Ring == 0 {
		o.Ring = 32768
	}
	if o.Patience == 0 {
		o.Patience = 5 * time.Second
	}
	if o.Retry == 0 {
		o.Retry = 5 * time.Second
	}
	if o.Busy == 0 {
		o.Busy = 5 * time.Second
	}
	return o
}

func (o Options) validate() error {
	switch {
	case o.Path == "":
		return errors.New("store options: no Path")
	case len(o.Schema) == 0:
		return errors.New("store options: no Schema")
	case o.Logger == nil:
		return errors.New("store options: no Logger")
	case o.Ring < 0, o.Patience < 0, o.Retry < 0, o.Linger < 0, o.Busy < 0:
		return errors.New("store options: a limit is negative")
	case o.Sync > Full:
		return fmt.Errorf("store options: Sync %d is neither Normal nor Full", o.Sync)
	}
	for i, s := range o.Schema {
		if word := takesAway.FindString(s); word != "" {
			return fmt.Errorf("store options: migration %d says %s: migrations only add, or a roll-back finds a file it cannot use", i, word)
		}
	}
	for _, name := range o.Vital {
		if !table.MatchString(name) {
			return fmt.Errorf("store options: Vital table %q is not a plain name", name)
		}
	}
	return nil
}
