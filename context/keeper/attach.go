package keeper

import (
	"context"
	"errors"
	"fmt"
	"syscall"

	"zmicroservices/context/keeper/kernel"
)

// ErrNone says that no keeper serves a runtime directory.
var ErrNone = errors.New("no keeper is running")

// Attach meets the keeper that listens in o.RuntimeDir as Meet does, or starts
// one as Start does; true says that it met a running one.
func Attach(ctx context.Context, o Options) (*Client, bool, error) {
	for tries := 0; ; tries++ {
		c, err := Meet(ctx, o)
		if !errors.Is(err, ErrNone) {
			return c, err == nil, err
		}
		c, err = Start(ctx, o)
		if !errors.Is(err, ErrRunning) || tries == maxTries {
			return c, false, err
		}
	}
}

// Meet meets the keeper that listens in o.RuntimeDir as Connect does; ErrNone if there
// is none. A keeper that is about to end is waited for, so that nothing runs twice; ctx
// bounds that.
//
// Who calls it is the only provider of that directory, by a lock: Meet takes over
// whatever epoch was served before, unless o.Epoch says otherwise.
func Meet(ctx context.Context, o Options) (*Client, error) {
	for tries := 0; ; tries++ {
		c, err := o.approach(ctx)
		var refused *RefusedError
		switch {
		case err == nil:
			return c, nil
		case nobodyListens(err):
			return nil, fmt.Errorf("meet keeper: %w", ErrNone)
		case errors.As(err, &refused) && refused.ending() && refused.pid > 0:
			if err := awaitKeeper(ctx, refused.pid); err != nil {
				return nil, fmt.Errorf("meet keeper that is ending: %w", err)
			}
		case !hungUp(err): // else it ended while we spoke
			return nil, err
		}
		if tries == maxTries {
			return nil, err
		}
	}
}

// approach is Connect to a keeper that may be hung: it has as long to answer as it may
// be silent.
func (o Options) approach(ctx context.Context) (*Client, error) {
	o, err := o.complete()
	if err != nil {
		return nil, fmt.Errorf("connect to keeper: %w", err)
	}
	within, cancel := context.WithTimeout(ctx, o.Silence)
	defer cancel()
	c, err := Connect(within, o)
	if err != nil && within.Err() != nil && ctx.Err() == nil {
		return nil, fmt.Errorf("meet keeper of %s: %w: it has not answered for %v; if it was stopped, continue it (SIGCONT), else kill it: the next start adopts what it holds",
			o.RuntimeDir, ErrSilent, o.Silence)
	}
	return c, err
}

func awaitKeeper(ctx context.Context, pid int) error {
	pidfd, err := kernel.OpenPidfd(pid, 0)
	if errors.Is(err, syscall.ESRCH) {
		return nil
	}
	if err != nil {
		return err
	}
	return awaitEnd(ctx, pidfd)
}
