package keeper

import (
	"context"
	"errors"
	"fmt"
	"syscall"
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
		c, err := Connect(ctx, o)
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

func awaitKeeper(ctx context.Context, pid int) error {
	pidfd, err := pidfdOpen(pid, 0)
	if errors.Is(err, syscall.ESRCH) {
		return nil
	}
	if err != nil {
		return err
	}
	return awaitEnd(ctx, pidfd)
}
