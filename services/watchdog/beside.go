package watchdog

import (
	"context"
	"errors"
)

// RunWith runs w, and what carries its messages elsewhere beside it: a gateway, which has
// subscribed already. beside is ended last, so that what w says at its end is carried,
// too; when it ends by itself w ends.
func (w *Watchdog) RunWith(ctx context.Context, beside func(context.Context) error) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	carried, leave := context.WithCancel(context.WithoutCancel(ctx))
	defer leave()
	over := make(chan error, 1) // sent by beside's goroutine, its one result
	go func() {                 // ends when it is left
		defer stop()
		over <- beside(carried)
	}()
	err := w.Run(ctx)
	leave()
	return errors.Join(err, <-over)
}
