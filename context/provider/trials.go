package provider

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"

	"zmicroservices/conf"
	"zmicroservices/context/event"
	"zmicroservices/context/group"
	"zmicroservices/context/keeper"
	"zmicroservices/context/probe"
)

// trials are the commands of exec probes: short-lived slots of the keeper beside the
// service's, with its environment, directory and attributes.
type trials struct {
	hold  *hold
	epoch uint64 // of this provider: an id is never used twice

	mu      sync.Mutex // guards all below
	running map[keeper.ID]chan keeper.Event
	n       uint64
}

// isTrial says that a slot beside a service's is an exec probe's.
func isTrial(hook string) bool { return strings.HasPrefix(hook, "probe-") }

// trialTail is how much of a failed command's output comes back, in bytes.
const trialTail = 200

// command makes the check of an exec probe.
func (b *prober) command(r event.Ref, p conf.Probe) probe.Check {
	var spec *keeper.Spec // of the first check that could make it
	return func(ctx context.Context) error {
		if spec == nil {
			b.mu.Lock()
			w := b.watched[r]
			b.mu.Unlock()
			if w == nil {
				return errors.New("it is not watched any more")
			}
			made, err := b.launcher.trial(w.Watch, p.Exec)
			if err != nil {
				return err
			}
			spec = &made
		}
		return b.trials.run(ctx, *spec)
	}
}

// trial is a slot that runs a command as a service would.
func (l *launcher) trial(w group.Watch, argv []string) (keeper.Spec, error) {
	path, err := l.resolve.Program(w.Task, argv[0])
	if err != nil {
		return keeper.Spec{}, err
	}
	plan, err := l.resolve.Resolve(w.Task)
	if err != nil {
		return keeper.Spec{}, err
	}
	spec, err := l.dress(group.Launch{Ref: w.Ref, Task: w.Task, Object: w.Object})
	spec.Path, spec.Argv, spec.Dir = path, argv, plan.Dir
	// SIGKILL at once, before everything else that a keeper ends alone.
	spec.Stop, spec.Output = keeper.Recipe{Rank: math.MinInt32}, keeper.Output{Tail: trialTail}
	return spec, err
}

// run runs a command and says how it ended; it is killed when ctx ends.
func (t *trials) run(ctx context.Context, spec keeper.Spec) error {
	events := make(chan keeper.Event, 4) // all that one slot can tell
	t.mu.Lock()
	t.n++
	spec.ID.Hook = fmt.Sprintf("probe-%d-%d", t.epoch, t.n)
	t.running[spec.ID] = events
	t.mu.Unlock()
	defer func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		delete(t.running, spec.ID)
	}()
	if err := t.hold.Spawn(spec); err != nil {
		return err
	}
	for {
		select {
		case e := <-events:
			switch {
			case e.Kind == keeper.SpawnFailed:
				return errors.New(e.Err)
			case e.Kind != keeper.Exited:
			case e.Signal != 0:
				return fmt.Errorf("%s was killed by %s", spec.Argv[0], signalName(e.Signal))
			case e.Code != 0:
				said := strings.TrimSpace(e.Output)
				return errors.New(strings.TrimSuffix(fmt.Sprintf("%s exited with code %d: %s", spec.Argv[0], e.Code, said), ": "))
			default:
				return nil
			}
		case <-ctx.Done():
			return errors.Join(ctx.Err(), t.hold.Kill(spec.ID))
		}
	}
}

// told takes what the keeper tells of one.
func (t *trials) told(e keeper.Event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	select {
	case t.running[e.ID] <- e:
	default: // of one that nobody waits for
	}
}
