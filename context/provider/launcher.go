package provider

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"zmicroservices/conf"
	"zmicroservices/context/event"
	"zmicroservices/context/group"
	"zmicroservices/context/keeper"
	"zmicroservices/context/launch"
)

// launcher turns launches into keeper slots. It finds out what to run, builds
// that if it must, and hands it on; finding and building never hold up another
// service.
type launcher struct {
	keeper  *keeper.Client
	resolve *launch.Resolver
	vars    launch.Vars // what is the same for all
	base    launch.Base // what all inherit of our environment
	log     *slog.Logger
	failed  func(event.SpawnFailed)
	work    sync.WaitGroup
	ctx     context.Context // ends a wait for a build

	mu      sync.Mutex            // guards all below
	pending map[event.Ref]*search // launches not yet handed to the keeper
	builds  map[keeper.ID]chan keeper.Event
	making  map[string]chan struct{} // executables being built; closed when done
}

// search is a launch on its way.
type search struct {
	ended bool // its end was asked for before it began
}

// buildTail is how much of a failed build's output comes back, in bytes.
const buildTail = 4 << 10

// Launch implements group.Launcher.
func (l *launcher) Launch(g group.Launch) {
	s := &search{}
	l.mu.Lock()
	l.pending[g.Ref] = s
	l.mu.Unlock()
	if len(g.Task.Process.Command) > 0 {
		l.launch(g, s) // nothing to look for: one stat
		return
	}
	// Ends when the service was handed to the keeper or failed; ctx ends a build.
	l.work.Go(func() { l.launch(g, s) })
}

func (l *launcher) launch(g group.Launch, s *search) {
	spec, err := l.prepare(g)
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.pending, g.Ref)
	if err == nil && s.ended {
		err = fmt.Errorf("it was stopped before it was spawned")
	}
	if err == nil {
		err = l.keeper.Spawn(spec)
	}
	if err != nil {
		l.failed(event.SpawnFailed{Ref: g.Ref, Reason: err.Error()})
	}
}

// prepare makes the keeper's spec of a launch.
func (l *launcher) prepare(g group.Launch) (keeper.Spec, error) {
	plan, err := l.resolve.Resolve(g.Task)
	if err == nil && plan.Build != nil {
		if err = l.build(g.Ref, plan.Build); err == nil {
			plan, err = l.resolve.Resolve(g.Task)
		}
	}
	if err != nil {
		return keeper.Spec{}, err
	}
	for _, w := range plan.Warnings {
		l.log.Warn("task service runs differently", "task", g.Ref.Task, "transaction", g.Ref.Transaction, "reason", w)
	}
	v := l.vars
	v.Ref, v.Object = g.Ref, g.Object
	return keeper.Spec{
		ID: slot(g.Ref), Path: plan.Path, Argv: plan.Argv, Dir: plan.Dir,
		Env:    launch.Environ(l.base, v, g.Task.Process.Env),
		Stop:   recipeOf(g.Task.Process.Stop),
		Output: keeper.Output{Log: filepath.Join("logs", string(g.Ref.Transaction), string(g.Ref.Task)+".log")},
	}, nil
}

// End implements group.Launcher.
func (l *launcher) End(e group.End) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if s := l.pending[e.Ref]; s != nil {
		s.ended = true
		return
	}
	recipe := recipeOf(e.Stop)
	if err := l.keeper.Stop(slot(e.Ref), &recipe); err != nil {
		l.log.Error("task service not stopped", "task", e.Ref.Task, "transaction", e.Ref.Transaction, "err", err)
	}
}

// killAll kills everything that the keeper holds: there is no time left.
func (l *launcher) killAll() {
	slots, err := l.keeper.List(l.ctx)
	for _, s := range slots {
		err = errors.Join(err, l.keeper.Kill(s.ID))
	}
	if err != nil {
		l.log.Error("task services not killed", "err", err)
	}
}

// build runs a build as a short-lived slot of the keeper. Services that share an
// executable share its build.
func (l *launcher) build(ref event.Ref, b *launch.Build) error {
	l.mu.Lock()
	if done := l.making[b.Output]; done != nil {
		l.mu.Unlock()
		select {
		case <-done:
			return nil // whether it worked is seen by looking again
		case <-l.ctx.Done():
			return l.ctx.Err()
		}
	}
	done := make(chan struct{})
	l.making[b.Output] = done
	id := slot(ref)
	id.Hook = "build"
	events := make(chan keeper.Event, 4) // all that one slot can tell
	l.builds[id] = events
	l.mu.Unlock()
	defer func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.builds, id)
		delete(l.making, b.Output)
		close(done)
	}()
	l.log.Info("task service is being built", "task", ref.Task, "transaction", ref.Transaction, "reason", b.Why, "path", b.Output)
	if err := l.keeper.Spawn(keeper.Spec{
		ID: id, Path: b.Argv[0], Argv: b.Argv, Env: b.Env, Dir: b.Dir, Output: keeper.Output{Tail: buildTail},
	}); err != nil {
		return fmt.Errorf("build %s: %w", b.Output, err)
	}
	var exited keeper.Event
	for {
		select {
		case e := <-events:
			switch e.Kind {
			case keeper.SpawnFailed:
				return fmt.Errorf("build %s: %s", b.Output, e.Err)
			case keeper.Exited:
				exited = e
			case keeper.Gone:
				if exited.Code != 0 || exited.Signal != 0 {
					return fmt.Errorf("build %s: `%s` in %s ended with code %d: %s", b.Output,
						strings.Join(b.Argv, " "), b.Dir, exited.Code, strings.TrimSpace(exited.Output))
				}
				return nil
			}
		case <-l.ctx.Done():
			return l.ctx.Err()
		}
	}
}

// built takes what the keeper tells of a build.
func (l *launcher) built(e keeper.Event) {
	l.mu.Lock()
	events := l.builds[e.ID]
	l.mu.Unlock()
	if events == nil {
		return
	}
	select {
	case events <- e:
	default: // more than one slot can tell: not ours
	}
}

func slot(r event.Ref) keeper.ID {
	return keeper.ID{Transaction: string(r.Transaction), Task: string(r.Task), Incarnation: uint64(r.Incarnation)}
}

func refOf(id keeper.ID) event.Ref {
	return event.Ref{
		Transaction: event.TransactionID(id.Transaction), Task: event.TaskID(id.Task),
		Incarnation: event.Incarnation(id.Incarnation),
	}
}

// recipeOf is a <stop> in the keeper's words. conf has checked the name.
func recipeOf(s conf.Stop) keeper.Recipe {
	return keeper.Recipe{Signal: unix.SignalNum(s.Signal), Grace: s.Timeout}
}

func newLauncher(ctx context.Context, o Options, k *keeper.Client, front, back string) *launcher {
	return &launcher{
		keeper: k, log: o.Logger, ctx: ctx, base: launch.NewBase(os.Environ()),
		resolve: &launch.Resolver{Dir: filepath.Dir(o.Context.File), Bundled: o.Bundled, Exe: o.Exe},
		vars: launch.Vars{
			ContextID: o.Context.ContextID, Frontend: front, Backend: back, StateDir: o.StateDir,
		},
		pending: map[event.Ref]*search{},
		builds:  map[keeper.ID]chan keeper.Event{},
		making:  map[string]chan struct{}{},
	}
}
