package provider

import (
	"context"
	"os"
	"runtime/debug"
	"time"
)

const (
	// quiet is how long nothing has changed when a burst of work is over.
	quiet = 10 * time.Second
	// hasty is how long a provider that has begun lets its heap grow, at the longest.
	hasty = 10 * time.Second

	hastyPercent = 800 // see debug.SetGCPercent
	usualPercent = 100
)

// Hasten lets the heap grow while a provider begins, until things are quiet: most of
// what it makes then stays, and to look through that again and again takes a fifth of
// the time to the last service's first instruction. It is for a program that is
// a provider and nothing else; who sets GOGC knows better.
func Hasten() { collect(hastyPercent) }

func collect(percent int) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(percent)
	}
}

// tidy gives the memory of a burst of work back once things are quiet. The start
// of a thousand services leaves twice of what they need behind, and a provider with
// nothing to do would keep that until the collector's turn two minutes later.
type tidy struct {
	stirred chan struct{} // capacity 1: something changed; sent by stir, never closed
	shrink  func()        // has others give back what is not Go's; must not block
}

func newTidy(shrink func()) *tidy { return &tidy{make(chan struct{}, 1), shrink} }

// stir says that there is work. It never blocks.
func (t *tidy) stir() {
	select {
	case t.stirred <- struct{}{}:
	default:
	}
}

// Run tidies up until ctx ends.
func (t *tidy) Run(ctx context.Context) error {
	over := time.NewTimer(quiet)
	defer over.Stop()
	haste := time.NewTimer(hasty)
	defer haste.Stop()
	for {
		select {
		case <-t.stirred:
			over.Reset(quiet)
		case <-over.C:
			t.shrink()
			collect(usualPercent)
			debug.FreeOSMemory() // some milliseconds, in which everybody goes on
		case <-haste.C:
			collect(usualPercent)
		case <-ctx.Done():
			return nil
		}
	}
}
