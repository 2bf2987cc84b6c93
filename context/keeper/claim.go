package keeper

import (
	"context"
	"fmt"
)

// Claim is a slot of a keeper that was killed: what its provider knows of it.
type Claim struct {
	// ID of the slot. Without a Task it is every slot of the transaction that is
	// found and not claimed by name.
	ID ID `json:"id"`
	// Start is the leader's identity, as Spawned told it; zero if nobody heard. A
	// process that only has its number is not taken for it.
	Start  Identity `json:"start,omitzero"`
	Stop   Recipe   `json:"stop"`
	Output Output   `json:"output"`
	// Hooks to come, with what they are run with: the turn before the start is over.
	Hooks      []Hook      `json:"hooks,omitempty"`
	Env        []string    `json:"env,omitempty"`
	Dir        string      `json:"dir,omitempty"`
	Attributes *Attributes `json:"attributes,omitempty"`
	// Maybe: it was asked for, and nobody heard whether it was spawned. If nothing of
	// it is found there is no slot and no event.
	Maybe  bool   `json:"maybe,omitempty"`
	Notify string `json:"notify,omitempty"` // as in Spec
}

// What Event.Lost and Status.Lost may hold.
const (
	// LostExitCode: the leader ended where nobody could see how. Code is -1.
	LostExitCode = "exit code"
	// LostOutput: lines that the killed keeper had read and not yet written.
	LostOutput = "unwritten output"
	// LostStdout, LostStderr: the stream is no pipe of a keeper's any more. What is
	// written there is not captured.
	LostStdout = "stdout"
	LostStderr = "stderr"
)

// Adopt makes slots of the processes that a killed keeper left behind. They are found
// by identity, and by the cookie in their environment (CookieName, with HomeName: what
// another context runs is never touched); both keepers are on the same boot and in the
// same pid namespace, or nothing is found. Events follow as
// for other slots, with Adopted in place of Spawned: of a leader that is dead, Exited
// at once, and then Gone when its tree is. Of a claim with no process at all Exited
// and Gone come if it had one (Start), else SpawnFailed. What is lost is said in Lost.
//
// An adopted process is not the keeper's child: its exit code is learned from a zombie
// that is not reaped yet, or from its pidfd (Linux 6.15), and else lost. The slots
// are returned as they are found.
func (c *Client) Adopt(ctx context.Context, claims []Claim) ([]Status, error) {
	m, err := c.ask(ctx, &message{Kind: kindAdopt, Claims: claims})
	if err != nil {
		return nil, fmt.Errorf("adopt processes: %w", err)
	}
	return m.List, nil
}

// Adopt starts a keeper in place of one that was killed, and lets it adopt what that
// left: Start and Client.Adopt. ErrRunning if it was not killed after all.
func Adopt(ctx context.Context, o Options, claims []Claim) (*Client, []Status, error) {
	c, err := Start(ctx, o)
	if err != nil {
		return nil, nil, err
	}
	found, err := c.Adopt(ctx, claims)
	if err != nil {
		_ = c.Close()
		return nil, nil, err
	}
	return c, found, nil
}
