package provider

import (
	"context"
	"runtime/debug"
	"time"
)

// quiet is how long nothing has changed when a burst of work is over.
const quiet = 10 * time.Second

// tidy gives the memory of a burst of work back once things are quiet. The start
// of a thousand services leaves twice of what they need behind, and a provider with
// nothing to do would keep that until the collector's turn two minutes later.
type tidy struct {
	stirred chan struct{} // capacity 1: something changed; sent by stir, never closed
}

func newTidy() *tidy { return &tidy{make(chan struct{}, 1)} }

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
	for {
		select {
		case <-t.stirred:
			over.Reset(quiet)
		case <-over.C:
			debug.FreeOSMemory() // some milliseconds, in which everybody goes on
		case <-ctx.Done():
			return nil
		}
	}
}
