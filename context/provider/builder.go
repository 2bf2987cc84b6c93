package provider

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"syscall"
	"time"

	"zmicroservices/context/event"
	"zmicroservices/context/keeper"
	"zmicroservices/context/launch"
)

// builder runs builds as short-lived slots of the keeper, one at a time: the go
// command uses every core by itself, and several that begin together with an empty
// cache each compile all that they share.
type builder struct {
	keeper *hold
	log    *slog.Logger
	turn   chan struct{} // capacity 1: in it is whose turn it is

	mu     sync.Mutex // guards all below
	slot   keeper.ID  // of the build under way
	events chan keeper.Event
}

// buildTail is how much of a failed build's output comes back, in bytes.
const buildTail = 4 << 10

// interrupt is how a build is ended: the go command removes its temporary files at
// SIGINT, and at no other signal.
var interrupt = keeper.Recipe{Signal: syscall.SIGINT, Grace: 2 * time.Second}

func newBuilder(k *hold, log *slog.Logger) *builder {
	return &builder{keeper: k, log: log, turn: make(chan struct{}, 1)}
}

// take waits for the turn of a build; give ends it.
func (b *builder) take(ctx context.Context) error {
	select {
	case b.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (b *builder) give() { <-b.turn }

// run builds for a service, whose turn it is. The end of ctx ends the build.
func (b *builder) run(ctx context.Context, ref event.Ref, what *launch.Build) error {
	id := slot(ref)
	id.Hook = "build"
	events := make(chan keeper.Event, 4) // all that one slot can tell
	b.mu.Lock()
	b.slot, b.events = id, events
	b.mu.Unlock()
	b.log.Info("task service is being built", "task", ref.Task, "transaction", ref.Transaction, "reason", what.Why, "path", what.Output)
	if err := b.keeper.Spawn(keeper.Spec{
		ID: id, Path: what.Argv[0], Argv: what.Argv, Env: what.Env, Dir: what.Dir, Output: keeper.Output{Tail: buildTail},
		Stop: interrupt, // at a shutdown, too
	}); err != nil {
		return fmt.Errorf("build %s: %w", what.Output, err)
	}
	var exited keeper.Event
	for {
		select {
		case e := <-events:
			switch e.Kind {
			case keeper.SpawnFailed:
				return fmt.Errorf("build %s: %s", what.Output, e.Err)
			case keeper.Exited:
				exited = e
			case keeper.Gone:
				return verdict(what, exited)
			}
		case <-ctx.Done():
			// Nobody waits for its end but the keeper.
			if err := b.keeper.Stop(id, &interrupt); err != nil {
				b.log.Warn("build not stopped", "path", what.Output, "err", err)
			}
			return context.Cause(ctx)
		}
	}
}

// verdict says how a build ended.
func verdict(what *launch.Build, e keeper.Event) error {
	how := fmt.Sprintf("ended with code %d", e.Code)
	switch {
	case e.Signal != 0:
		how = "was killed by " + signalName(e.Signal)
	case e.Code == 0:
		return nil
	}
	return fmt.Errorf("build %s: `%s` in %s %s: %s", what.Output, strings.Join(what.Argv, " "), what.Dir, how, strings.TrimSpace(e.Output))
}

// told takes what the keeper tells of a build.
func (b *builder) told(e keeper.Event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if e.ID != b.slot {
		return // of one that was ended
	}
	select {
	case b.events <- e:
	default: // more than one slot can tell: not ours
	}
}
