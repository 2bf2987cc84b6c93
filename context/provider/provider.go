package provider

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"zmicroservices/conf"
	"zmicroservices/context/command"
	"zmicroservices/context/event"
	"zmicroservices/context/forwarder"
	"zmicroservices/context/group"
	"zmicroservices/context/herald"
	"zmicroservices/context/history"
	"zmicroservices/context/journal"
	"zmicroservices/context/keeper"
	"zmicroservices/context/launch"
	"zmicroservices/context/schedule"
	"zmicroservices/internal/crashpoint"
)

// Provider is one context provider. New binds its sockets; Run makes it live.
type Provider struct {
	opts      Options
	known     map[event.TaskID]*conf.Task
	forwarder *forwarder.Forwarder
	handler   *command.Handler
	info      *command.Info
	tidy      *tidy
	owners    owners
	state     *state
	place     *place
	losses    losses
	wills     *wills         // nil: the wire is the original's
	herald    *herald.Herald // the same
	doors     *doors         // nil: no peer has a key
	figures   *figures

	publications *publications
	history      *history.History // nil: it could not be opened
	site         *site            // nil: it was not asked for
	met          *keeper.Client   // an earlier provider's keeper; nil: there is none

	// made by Run before anything that uses them is live
	launcher   *launcher
	journal    *journal.Journal
	hold       *hold
	recovery   recovery
	clock      *schedule.Clock
	ordinals   *ordinals
	prober     *prober
	meter      *meter
	groupsCtx  context.Context
	endGroups  context.CancelFunc
	upgrades   upgrades
	server     *command.Server
	running    sync.WaitGroup     // the groups
	exited     chan event.Outcome // of groups that were asked to exit; capacity 0: stopAll reads, until the keeper is gone
	keeperGone chan struct{}      // closed when the last keeper's stream has ended
	exit       chan struct{}      // closed when an exit was asked for
	hurry      chan struct{}      // closed when there is no time for stop recipes
	hurryOnce  sync.Once

	mu        sync.Mutex // guards all below
	groups    map[event.TransactionID]*group.Group
	cancels   map[event.TransactionID]context.CancelFunc
	order     []event.TransactionID // in order of beginning
	exiting   bool
	exitID    event.TransactionID
	exitCause event.Cause
}

// New checks the options, takes the state directory and binds the bus, with the sockets
// that a provider before this one has left with its keeper. A port in use and a
// directory in use are errors that name them.
func New(o Options) (*Provider, error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	p := &Provider{
		opts: o, known: map[event.TaskID]*conf.Task{},
		groups: map[event.TransactionID]*group.Group{}, cancels: map[event.TransactionID]context.CancelFunc{},
		exited: make(chan event.Outcome), keeperGone: make(chan struct{}), exit: make(chan struct{}), hurry: make(chan struct{}),
		upgrades: upgrades{next: make(chan func(*teardown) error, 1)},
	}
	for _, t := range o.Context.Tasks {
		p.known[event.TaskID(t.ID)] = t
	}
	p.ordinals = &ordinals{views: p.Views, taken: map[event.TransactionID]int{}}
	p.figures, p.meter, p.publications = newFigures(p), newMeter(p), newPublications(p)
	handler, err := command.New(context.Background(), command.Options{
		Own: o.Context, Transactions: p, Journal: p, Logs: output{p}, Upgrader: p, Figures: p.figures, Meter: p.meter, BusReporter: p, Tape: tape{p}, Past: past{p},
		Bus: late{p}, Logger: o.Logger, Original: o.Original, Insecure: o.Insecure,
		Keys:   o.Curve != "" || o.Plain != "",
		Agents: o.topics().Prefix(),
		UIDOf:  launch.UIDOf,
		Allow:  conf.Allowance{ServicesPaths: o.ServicesPaths, AllowCommands: o.AllowCommands, Bundled: o.Bundled},
	})
	if err != nil {
		return nil, err
	}
	p.clock, err = schedule.New(schedule.Options{Logger: o.Logger, Tell: func(id event.TransactionID, e event.Event) {
		p.put(event.Ref{Transaction: id}, e)
	}})
	if err != nil {
		return nil, err
	}
	p.handler, p.info, p.tidy = handler, command.NewInfo(handler), newTidy(func() { p.journal.Shrink() })
	if p.state, err = takeState(o.StateDir); err != nil {
		return nil, err
	}
	if p.place, err = takePlace(o.RuntimeDir, o.Context.FrontBind); err != nil {
		return nil, errors.Join(err, p.state.release())
	}
	if err := p.meet(); err != nil {
		return nil, errors.Join(err, p.release())
	}
	if p.doors, err = openDoors(o); err != nil {
		return nil, errors.Join(err, p.part(), p.release())
	}
	if err := p.openBus(); err != nil {
		return nil, errors.Join(err, p.part(), p.release())
	}
	if err := p.openSite(); err != nil {
		return nil, errors.Join(err, p.forwarder.Close(), p.part(), p.release())
	}
	return p, nil
}

// release gives the directories back.
func (p *Provider) release() error { return errors.Join(p.place.release(), p.state.release()) }

// FrontEnd and Backend are the endpoints that services and clients connect to:
// the file's, with the port that was really bound where its bind address leaves
// that open.
func (p *Provider) FrontEnd() string {
	return concrete(p.opts.Context.FrontEndEndpoint, p.opts.Context.BackendBind, p.forwarder.Back())
}

// Backend is where to publish; see FrontEnd.
func (p *Provider) Backend() string {
	return concrete(p.opts.Context.BackendEndpoint, p.opts.Context.FrontBind, p.forwarder.Front())
}

// Hurry ends the stop recipes that are under way: everything is killed.
func (p *Provider) Hurry() { p.hurryOnce.Do(func() { close(p.hurry) }) }

// Run is the provider's life. It ends in order when ctx ends or an exit is asked
// for, and gives nil then; else the first thing that broke.
func (p *Provider) Run(ctx context.Context) (err error) {
	var down teardown
	defer func() { err = errors.Join(err, down.run(p.opts.Logger)) }()
	// Nothing that is live ends with ctx: it ends when teardown comes to it.
	live := context.WithoutCancel(ctx)
	broken := make(chan error, 16) // sent by the parts; one for each of them, so that none waits in teardown
	down.add("release the directories", p.release)
	down.add("close the page", p.site.close)
	if p.journal, err = openJournal(ctx, p.opts); err != nil {
		return errors.Join(err, p.part(), p.forwarder.Close())
	}

	var parts sync.WaitGroup
	run := func(name string, part func(context.Context) error) (end func()) {
		ctx, cancel := context.WithCancel(live)
		ended := make(chan struct{})
		parts.Go(func() { // ends when end is called, or when the part breaks
			defer close(ended)
			if err := part(ctx); err != nil {
				broken <- fmt.Errorf("%s: %w", name, err)
			}
		})
		return func() { cancel(); <-ended }
	}
	run("journal", p.journal.Run)
	down.add("close the journal", func() error {
		ctx, cancel := context.WithTimeout(live, graceAfterStop)
		defer cancel()
		return p.journal.Close(ctx)
	})
	p.keepHistory(ctx, run, &down)
	p.journal.Note(journal.Note{Event: "provider began", Reason: p.opts.Context.File})
	// The bus is live last and ends last: its first message may be a command, and
	// its last words are those of the services. Until then clients wait in the
	// backlog of its sockets.
	endForwarder := p.forwarder.Close
	down.add("end the bus", func() error { return endForwarder() })

	k, met, err := p.attach(ctx)
	if err != nil {
		return err
	}
	p.deposit(k)
	launchCtx, endLaunches := context.WithCancel(live)
	p.hold = newHold(k)
	p.figures.prime(k.PID())
	p.launcher = newLauncher(launchCtx, p.opts, p.hold, p.FrontEnd(), p.Backend())
	p.launcher.reachBy(p.doors)
	p.launcher.ordinals = p.ordinals
	p.launcher.failed = func(e event.SpawnFailed) {
		p.doors.over(e.Ref)
		p.put(e.Ref, e)
	}
	if p.prober, err = newProber(launchCtx, p); err != nil {
		endLaunches()
		return errors.Join(err, k.Close())
	}
	groupsCtx, endGroups := context.WithCancel(live)
	p.groupsCtx, p.endGroups = groupsCtx, endGroups
	open, err := p.recover(ctx, k, met)
	if err != nil {
		endGroups()
		endLaunches()
		return errors.Join(err, k.Close())
	}
	p.hearLosses()
	parts.Go(func() { // ends with the last keeper's stream of events
		defer close(p.keeperGone)
		if err := p.follow(live, k); err != nil {
			broken <- err
		}
	})
	down.add("end the keeper", func() error {
		endLaunches()
		p.launcher.work.Wait()
		p.prober.work.Wait()
		ctx, cancel := context.WithTimeout(live, keeperGrace)
		defer cancel()
		k := p.hold.end()
		p.withdraw(k)
		err := k.Shutdown(ctx)
		<-p.keeperGone
		return err
	})
	down.add("end the transactions", func() error { endGroups(); p.running.Wait(); return nil })

	endProbes := run("probes", p.prober.source.Run)
	down.add("end the probes", func() error { endProbes(); return nil })
	endJudge := run("judge of messages", p.prober.judge.Run)
	down.add("end judging messages", func() error { endJudge(); return nil })
	endClock := run("schedule", p.clock.Run)
	down.add("end the schedules", func() error { endClock(); return nil })
	end := run("forwarder", p.forwarder.Run)
	endForwarder = func() error { end(); return nil }

	endMeter := run("meter", p.meter.Run)
	down.add("end measuring", func() error { endMeter(); return nil })
	endPublications := run("publications", p.publications.Run)
	down.add("end publishing", func() error { endPublications(); return nil })
	if p.doors != nil {
		endDoors := run("keys", p.doors.run)
		down.add("end looking after keys", func() error { endDoors(); return nil })
	}
	endTidy := run("tidy", p.tidy.Run)
	down.add("end tidying up", func() error { endTidy(); return nil })
	endClockwatch := run("clock watch", newClockwatch(p.remark).Run)
	down.add("end watching the clock", func() error { endClockwatch(); return nil })
	endCompressor := run("compressor", p.compressor().Run)
	down.add("end compressing", func() error { endCompressor(); return nil })
	endForgetting := run("forgetting", p.forgetting)
	down.add("end forgetting", func() error { endForgetting(); return nil })
	endPruner := run("pruner", p.pruner().Run)
	down.add("end pruning", func() error { endPruner(); return nil })
	endInfo := run("context info", p.info.Run)
	endSpeaking := p.runSpeakers(run)
	down.add("drain the bus", func() error {
		endSpeaking() // after every service has ended, and before the bus does
		endInfo()
		p.info.Flush()
		ctx, cancel := context.WithTimeout(live, graceAfterStop)
		defer cancel()
		if err := p.forwarder.Drain(ctx); err != nil {
			p.opts.Logger.Warn("subscribers left behind", "err", err)
		}
		return nil
	})
	if p.server, err = p.listen(); err != nil {
		return err
	}
	var started error
	// An upgraded one was started long ago.
	if p.opts.Start && p.opts.Upgraded == nil { // before anybody is served: who finds the socket finds the transaction
		started = p.startFile(open)
	}
	endServer := run("control socket", p.server.Run)
	down.add("close the control socket", func() error { endServer(); return nil })
	if started != nil {
		return started
	}
	if p.site != nil {
		endSite := run("page", p.site.run)
		down.add("end the page", func() error { endSite(); return nil })
	}

	p.opts.Logger.Info("provider is ready", "context", p.opts.Context.ContextID, "publish", p.Backend(), "subscribe", p.FrontEnd(),
		"control", p.socket(), "keeper", k.PID())
	if err := k.Ready(p.opts.Context.ContextID + " is ready"); err != nil {
		p.opts.Logger.Warn("readiness not passed on", "err", err)
	}
	crashpoint.Here("provider ready")
	if p.arrived() {
		endProbation := run("probation", p.probation)
		down.add("end the probation", func() error { endProbation(); return nil })
	}
	become, err := p.wait(ctx, broken)
	if become != nil {
		return become(&down)
	}
	p.end()
	return err
}

// remark tells the log and the journal of what happened to the machine.
func (p *Provider) remark(n journal.Note) {
	p.opts.Logger.Warn(n.Event, "reason", n.Reason)
	p.journal.Note(n)
}

// keeperGrace bounds the end of a keeper that has nothing left to hold.
const keeperGrace = 30 * time.Second

// wait lasts until there is a reason to end, or another program to become.
func (p *Provider) wait(ctx context.Context, broken <-chan error) (become func(*teardown) error, err error) {
	select {
	case <-ctx.Done():
		p.Exit("", event.Cause{Origin: event.ByShutdown, By: "signal"})
	case <-p.exit:
	case become := <-p.upgrades.next:
		if ctx.Err() == nil {
			return become, nil
		}
		p.Exit("", event.Cause{Origin: event.ByShutdown, By: "signal"})
	case err := <-broken:
		p.opts.Logger.Error("provider is broken", "err", err)
		p.Exit("", event.Cause{Origin: event.ByShutdown, By: err.Error()})
		return nil, err
	}
	return nil, nil
}

// end stops every service and answers whoever asked for the exit.
func (p *Provider) end() {
	p.mu.Lock()
	id, cause := p.exitID, p.exitCause
	p.mu.Unlock()
	p.opts.Logger.Info("provider ends", "cause", cause.String())
	done := make(chan struct{})
	go func() { // ends with stopAll
		select {
		case <-p.hurry:
			p.launcher.killAll()
		case <-done:
		}
	}()
	o := p.stopAll(cause)
	close(done)
	o.Transaction, o.Request = id, cause.Request
	p.mu.Lock()
	for _, id := range p.order {
		p.journal.End(id)
	}
	p.mu.Unlock()
	p.journal.Note(journal.Note{Event: "provider ended", Cause: cause})
	if cause.Origin == event.ByOperator {
		p.handler.Answer(o)
	}
}

func (p *Provider) socket() string {
	return filepath.Join(p.opts.RuntimeDir, command.SocketName)
}

// Run makes a provider and lives its life.
func Run(ctx context.Context, o Options) error {
	p, err := New(o)
	if err != nil {
		return err
	}
	return p.Run(ctx)
}
