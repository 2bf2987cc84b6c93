package provider

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"zmicroservices/conf"
	"zmicroservices/context/command"
	"zmicroservices/context/event"
	"zmicroservices/context/group"
	"zmicroservices/context/keeper"
	"zmicroservices/context/launch"
)

// launcher turns launches into keeper slots. It finds out what to run, builds
// that if it must, and hands it on; finding and building never hold up another
// service.
type launcher struct {
	keeper     *hold
	resolve    *launch.Resolver
	vars       launch.Vars // what is the same for all
	base       launch.Base // what all inherit of our environment
	log        *slog.Logger
	failed     func(event.SpawnFailed)
	work       sync.WaitGroup
	ctx        context.Context // ends every launch
	builder    *builder
	strays     strays
	doors      *doors
	ordinals   *ordinals
	budget     int64  // of all logs of the context, in bytes
	runtimeDir string // where the keeper makes sockets for notices

	mu      sync.Mutex                            // guards pending
	pending map[event.Ref]context.CancelCauseFunc // ends a launch that was not yet handed to the keeper
}

// errEnded is the reason of a start that was overtaken by a stop.
var errEnded = errors.New("it was stopped before it was spawned")

// Launch implements group.Launcher.
func (l *launcher) Launch(g group.Launch) {
	ctx, cancel := context.WithCancelCause(l.ctx)
	l.mu.Lock()
	l.pending[g.Ref] = cancel
	l.mu.Unlock()
	before := l.strays.before(g.Ref)
	if isPlain(g.Task) && len(before) == 0 && !l.doors.give() {
		l.launch(ctx, g) // nothing to look for: one stat
		return
	}
	// Ends when the service was handed to the keeper or failed; ctx ends a build.
	l.work.Go(func() {
		wait(ctx, before)
		l.launch(ctx, g)
	})
}

// isPlain says that nothing of t has to be found out or read before it runs.
func isPlain(t *conf.Task) bool {
	p := &t.Process
	return len(p.Command) > 0 && p.User == "" && p.Group == "" && !slices.ContainsFunc(p.Env, func(e conf.Env) bool { return e.File != "" })
}

func (l *launcher) launch(ctx context.Context, g group.Launch) {
	spec, err := l.prepare(ctx, g)
	l.mu.Lock()
	defer l.mu.Unlock()
	if err == nil {
		err = context.Cause(ctx)
	}
	l.pending[g.Ref](nil)
	delete(l.pending, g.Ref)
	if err == nil {
		err = l.keeper.Spawn(spec)
	}
	if err != nil {
		l.failed(event.SpawnFailed{Ref: g.Ref, Reason: err.Error()})
	}
}

// prepare makes the keeper's spec of a launch.
func (l *launcher) prepare(ctx context.Context, g group.Launch) (keeper.Spec, error) {
	plan, err := l.resolve.Resolve(g.Task)
	if err == nil && plan.Build != nil {
		plan, err = l.build(ctx, g)
	}
	if err != nil {
		return keeper.Spec{}, err
	}
	for _, w := range plan.Warnings {
		l.log.Warn("task service runs differently", "task", g.Ref.Task, "transaction", g.Ref.Transaction, "reason", w)
	}
	spec, err := l.dress(g)
	if err != nil {
		return keeper.Spec{}, err
	}
	spec.Path, spec.Argv, spec.Dir = plan.Path, plan.Argv, plan.Dir
	if spec.Hooks, err = hooksOf(l.resolve, g.Task); err != nil {
		return keeper.Spec{}, err
	}
	spec.Stop = recipeOf(g.Task.Process.Stop)
	spec.Stop.Rank = g.Rank // a keeper that ends all alone keeps the order, too
	spec.Output = outputOf(g.Ref, g.Task, l.budget)
	spec.Notify, _ = l.notices(g.Ref, g.Task)
	return spec, nil
}

// dress gives a slot the environment and the attributes of a service.
func (l *launcher) dress(g group.Launch) (keeper.Spec, error) {
	v := l.vars
	v.Ref, v.Object, v.Replica, v.Replicas = g.Ref, g.Object, g.Replica, g.Replicas
	v.Watch.Ordinal = l.ordinals.of(g.Ref.Transaction)
	extra, err := l.resolve.Env(g.Task)
	if err != nil {
		return keeper.Spec{}, err
	}
	who, err := launch.AccountOf(&g.Task.Process)
	if err != nil {
		return keeper.Spec{}, err
	}
	key, err := l.doors.key(g.Ref, who)
	if err != nil {
		return keeper.Spec{}, err
	}
	_, notices := l.notices(g.Ref, g.Task)
	env := launch.Environ(l.base, v, slices.Concat(who.Env(), key, extra, notices, l.ours(g.Task)))
	if err := launch.CheckLength(env); err != nil {
		return keeper.Spec{}, err
	}
	given := attributes(&g.Task.Process, who)
	return keeper.Spec{ID: slot(g.Ref), Env: env, Attributes: given, Cgroup: cgroup(&g.Task.Process, given)}, nil
}

// ours is what only a bundled task is told: where its provider can be asked.
func (l *launcher) ours(t *conf.Task) []conf.Env {
	if len(t.Process.Command) > 0 || !l.resolve.Bundled(t.Instance) {
		return nil
	}
	return []conf.Env{{Name: "ZMS_CONTROL", Value: filepath.Join(l.runtimeDir, command.SocketName)}}
}

// build waits for its turn and builds what is still missing or stale then: it may
// have been built for another service meanwhile.
func (l *launcher) build(ctx context.Context, g group.Launch) (*launch.Plan, error) {
	if err := l.builder.take(ctx); err != nil {
		return nil, err
	}
	defer l.builder.give()
	plan, err := l.resolve.Resolve(g.Task)
	if err != nil || plan.Build == nil {
		return plan, err
	}
	if err := l.builder.run(ctx, g.Ref, plan.Build); err != nil {
		return nil, err
	}
	return l.resolve.Resolve(g.Task)
}

// End implements group.Launcher.
func (l *launcher) End(e group.End) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if cancel := l.pending[e.Ref]; cancel != nil {
		cancel(errEnded)
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

func newLauncher(ctx context.Context, o Options, k *hold, front, back string) *launcher {
	return &launcher{
		keeper: k, log: o.Logger, ctx: ctx, base: launch.NewBase(os.Environ()),
		resolve: &launch.Resolver{Dir: filepath.Dir(o.Context.File), Bundled: o.Bundled, Exe: o.Exe},
		vars: launch.Vars{
			ContextID: o.Context.ContextID, Frontend: front, Backend: back, StateDir: o.StateDir,
			Watch: launch.Watch{
				Original: o.Original, Ping: o.PingInterval, Alive: o.AliveInterval, Prefix: strings.TrimSuffix(o.topics().Prefix(), "."),
			},
		},
		builder: newBuilder(k, o.Logger),
		budget:  o.Context.LogBudget, runtimeDir: o.RuntimeDir,
		pending: map[event.Ref]context.CancelCauseFunc{},
	}
}

// reachBy says how task services come to the bus.
func (l *launcher) reachBy(d *doors) {
	l.doors = d
	if publish, subscribe := d.private(l.runtimeDir); publish != "" {
		l.vars.Backend, l.vars.Frontend = publish, subscribe
	}
}
