package keeper

import (
	"context"
	"fmt"
)

// Upgrade has the keeper execute another program in its own place: the one in the
// descriptor store under that name. Its pid, its processes, their exits, output and
// descriptors and this connection stay; the new program answers. With an error nothing
// has changed, unless the keeper was lost with it: then Adopt is what is left.
//
// The program is tried before: it must read what it is to take over. That it works is
// for its first seconds to show; who asks for it keeps the old program (a descriptor of
// /proc/PID/exe) to start another keeper from. Parenthood cannot be rolled back: what
// is adopted then has lost what Adopt says.
func (c *Client) Upgrade(ctx context.Context, name string) error {
	if _, err := c.ask(ctx, &message{Kind: kindUpgrade, Name: name}); err != nil {
		return fmt.Errorf("upgrade keeper: %w", err)
	}
	return nil
}

// Guard has the keeper watch this process, which is about to execute another program
// in its own place. If that dies early, or is not Ready in time, the keeper runs the
// program that it was. The descriptors that g names are released when it is over. nil
// ends the watch.
func (c *Client) Guard(ctx context.Context, g *Guard) error {
	if _, err := c.ask(ctx, &message{Kind: kindGuard, Guard: g}); err != nil {
		return fmt.Errorf("guard provider: %w", err)
	}
	return nil
}
