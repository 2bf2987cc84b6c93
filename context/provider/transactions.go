package provider

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"zmicroservices/context/command"
	"zmicroservices/context/event"
	"zmicroservices/context/group"
	"zmicroservices/context/journal"
)

// startRush is the longest that the journal gathers while a transaction begins, first what
// its request wants, then what its services make of it: enough for a thousand of them. In
// between it is opened. One that is not open when we die is undone as a whole.
const startRush = time.Second

// NewTransactionID makes an identifier as the original does: 20 of A-Z0-9.
func NewTransactionID() event.TransactionID {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	b := make([]byte, 20)
	for i := range b {
		b[i] = letters[rand.IntN(len(letters))] // a name and not a secret
	}
	return event.TransactionID(b)
}

func (p *Provider) group(id event.TransactionID) *group.Group {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.groups[id]
}

// Ask implements command.Transactions.
func (p *Provider) Ask(r command.Request) error {
	g, begun, err := p.begin(r)
	if err != nil {
		return err
	}
	ok := g.Put(group.Asked{
		Action: group.Action(r.Action), Tasks: r.Tasks, All: r.All, Refused: r.Refused, Told: r.Told, Cause: r.Cause, Scale: r.Scale,
	})
	if !ok {
		return fmt.Errorf("transaction %s has ended", r.Transaction)
	}
	if begun != nil {
		g.After(begun)
	}
	return nil
}

// begin gives the group of a request, a new one if it may begin one. begun is to
// be called when what a new one's first request led to was said to the journal.
func (p *Provider) begin(r command.Request) (g *group.Group, begun func(), err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.exiting {
		return nil, nil, fmt.Errorf("the context is ending")
	}
	if p.groupsCtx.Err() != nil {
		return nil, nil, fmt.Errorf("the provider is being upgraded: ask again")
	}
	if g := p.groups[r.Transaction]; g != nil {
		return g, nil, nil
	}
	if r.Action == "stop" || r.Action == "scale" {
		return nil, nil, fmt.Errorf("there is no transaction %q", r.Transaction)
	}
	t := journal.Transaction{
		ID: r.Transaction, ContextName: r.ContextName, LogName: r.LogName, Endpoints: r.Endpoints, Began: time.Now(),
	}
	begun = sync.OnceFunc(func() {
		p.journal.Begin(t)
		// At once: who hears of its services relies on it, too. What comes then is told by
		// the keeper once more if it is lost.
		p.journal.Committed(func(error) { p.journal.Gather(startRush) })
	})
	with := p.collaborators(t.ID)
	with.Answered = func(o event.Outcome) {
		begun() // whoever has an answer may rely on it
		p.answered(o)
	}
	if g, err = group.New(p.groupOptions(t), with); err != nil {
		return nil, nil, err
	}
	p.forget()
	// Until its request is carried out nobody was told anything: that is one group.
	p.journal.Gather(startRush)
	p.journal.Prepare(t.ID)
	p.enter(g)
	return g, begun, nil
}

// resume gives the group of a transaction that an earlier provider began.
func (p *Provider) resume(s journal.Saved, tasks []group.Saved) (*group.Group, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	t := s.Transaction
	g, err := group.Resume(p.groupOptions(t), p.collaborators(t.ID), t.Began, s.Seq, tasks)
	if err != nil {
		return nil, err
	}
	p.enter(g)
	return g, nil
}

func (p *Provider) groupOptions(t journal.Transaction) group.Options {
	o := group.DefaultOptions()
	o.Transaction, o.ContextID = t.ID, p.opts.Context.ContextID
	o.ContextName, o.LogName, o.Endpoints = t.ContextName, t.LogName, t.Endpoints
	o.Known, o.Transitions = p.known, p.opts.Context.Transitions
	o.Seed = rand.Uint64() // what failed together is not to come back together
	return o
}

func (p *Provider) collaborators(id event.TransactionID) group.Collaborators {
	return group.Collaborators{
		Bus: voice{p.forwarder}, Launcher: p.launcher, Logger: p.opts.Logger, Original: p.opts.Original,
		Answered: p.answered,
		Changed: func(changes []event.Change) {
			p.info.Changed(id, changes)
			p.site.changed(changes)
			p.tidy.stir()
		},
		Record: p.record,
		Clock:  p.clock,
		Prober: p.prober,
		Keep:   func(s group.Saved) { p.keep(id, s) },
		Forget: func(task event.TaskID) { p.journal.Unwant(id, task) },
	}
}

// enter takes a group into the books and makes it live. p.mu is held.
func (p *Provider) enter(g *group.Group) {
	p.groups[g.ID()] = g
	p.order = append(p.order, g.ID())
	// Ends at teardown, or when the transaction was quiet and leaves memory.
	ctx, cancel := context.WithCancel(p.groupsCtx)
	p.cancels[g.ID()] = cancel
	p.running.Go(func() { _ = g.Run(ctx) })
	p.meter.stir()
}

// Exit implements command.Transactions.
func (p *Provider) Exit(id event.TransactionID, c event.Cause) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.exiting {
		return
	}
	p.exiting, p.exitID, p.exitCause = true, id, c
	close(p.exit)
}

// Notice implements command.Transactions.
func (p *Provider) Notice(ctx context.Context, n event.Notice) error {
	g := p.group(n.Transaction)
	if g == nil {
		return group.ErrEnded
	}
	return g.Notice(ctx, n)
}

// View implements command.Transactions.
func (p *Provider) View(id event.TransactionID) *event.View {
	if g := p.group(id); g != nil {
		return g.View()
	}
	return nil
}

// Views implements command.Transactions.
func (p *Provider) Views() []*event.View {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.views()
}

// views are the pictures of all, in order of beginning. p.mu is held.
func (p *Provider) views() []*event.View {
	out := make([]*event.View, len(p.order))
	for i, id := range p.order {
		out[i] = p.groups[id].View()
	}
	return out
}

// Watch implements command.Transactions.
func (p *Provider) Watch(id event.TransactionID) (command.Stream, error) {
	g := p.group(id)
	if g == nil {
		return nil, command.ErrUnknown
	}
	return stream{g.Watch()}, nil
}

// stream is a group's watcher in the handlers' words.
type stream struct{ *group.Watcher }

func (s stream) Next(ctx context.Context) (event.Change, error) {
	c, err := s.Watcher.Next(ctx)
	if err == group.ErrLagged {
		err = command.ErrLagged
	}
	return c, err
}

// answered takes an outcome to whoever asked. Those of an exit are gathered.
func (p *Provider) answered(o event.Outcome) {
	if group.Action(o.Action) == group.Exit {
		select {
		case p.exited <- o:
		case <-p.keeperGone: // stopAll gave up
		}
		return
	}
	// Whoever has the answer may rely on it: it comes when the journal has what
	// led to it, or cannot have it.
	p.journal.Committed(func(error) { p.handler.Answer(o) })
}

// stopAll ends every transaction and gives one outcome for all.
func (p *Provider) stopAll(c event.Cause) event.Outcome {
	groups := p.all()
	out := event.Outcome{Action: string(group.Exit), OK: true}
	waiting := 0
	for _, g := range groups {
		if g.Put(group.Asked{Action: group.Exit, All: true, Cause: c}) {
			waiting++
		}
	}
	for ; waiting > 0; waiting-- {
		select {
		case o := <-p.exited:
			if !o.OK {
				out.OK, out.Reason, out.Tasks = false, o.Reason, o.Tasks
			}
		case <-p.keeperGone:
			out.OK, out.Reason = false, "the keeper ended before the services had"
			return out
		}
	}
	return out
}

// startFile begins a transaction with every service of the file, unless it is
// open: after a crash what was wanted goes on as it is.
func (p *Provider) startFile(open []event.TransactionID) error {
	id := p.opts.Transaction
	if id == "" && len(open) > 0 {
		id = open[len(open)-1]
	}
	if slices.Contains(open, id) {
		if p.opts.Began != nil {
			p.opts.Began(id)
		}
		return nil
	}
	if id == "" {
		id = NewTransactionID()
	}
	c := p.opts.Context
	if p.opts.Began != nil {
		p.opts.Began(id)
	}
	return p.Ask(command.Request{
		Transaction: id, Action: string(group.Start), Tasks: c.Tasks, ContextName: "context", LogName: c.TaskLogName,
		Endpoints: event.Endpoints{
			FrontEndEndpoint: c.FrontEndEndpoint, BackendEndpoint: c.BackendEndpoint,
			FrontBind: c.FrontBind, BackendBind: c.BackendBind,
		},
		Cause: event.Cause{Origin: event.ByOperator, By: "service_context --start"},
	})
}

// graceAfterStop is how long the last messages may take to reach subscribers.
const graceAfterStop = 2 * time.Second
