package keeper

import (
	"context"
	"errors"
	"fmt"
	"syscall"
)

// Attach meets the keeper that listens in o.RuntimeDir as Connect does, or starts
// one as Start does; true says that it met a running one. A keeper that is about to
// end is waited for, so that nothing runs twice; ctx bounds that.
//
// Who calls it is the only provider of that directory, by a lock: Attach takes over
// whatever epoch was served before, unless o.Epoch says otherwise.
func Attach(ctx context.Context, o Options) (*Client, bool, error) {
	for tries := 0; ; tries++ {
		c, err := Connect(ctx, o)
		var refused *RefusedError
		switch {
		case err == nil:
			return c, true, nil
		case nobodyListens(err):
			c, err = Start(ctx, o)
			if !errors.Is(err, ErrRunning) {
				return c, false, err
			}
		case errors.As(err, &refused) && refused.ending() && refused.pid > 0:
			if err := awaitKeeper(ctx, refused.pid); err != nil {
				return nil, false, fmt.Errorf("attach to keeper that is ending: %w", err)
			}
		case !hungUp(err): // else it ended while we spoke
			return nil, false, err
		}
		if tries == maxTries {
			return nil, false, err
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
