package provider

import (
	"context"
	"log/slog"
	"time"

	"zmicroservices/conf"
	"zmicroservices/context/event"
	"zmicroservices/context/metrics"
	"zmicroservices/context/web"
)

// site is what the provider tells over HTTP; nil: nobody asked for it, and nothing is
// counted for it.
type site struct {
	metrics *metrics.Metrics
	server  *web.Server
	log     *slog.Logger
}

// openSite binds the page's address. Where services wait for a provider, it is more to
// them than a page is to others: a port in use is said then, and no reason to refuse.
func (p *Provider) openSite() error {
	if p.opts.HTTP == "" {
		return nil
	}
	if err := web.CheckAddress(p.opts.HTTP, p.opts.Insecure); err != nil {
		return err
	}
	m, err := metrics.New(metrics.Options{
		Context: p.opts.Context.ContextID, Version: p.opts.Version, Figures: p.figures.Figures, Instance: p.instance,
	})
	if err != nil {
		return err
	}
	s, err := web.New(web.Options{
		Address: p.opts.HTTP, Insecure: p.opts.Insecure, Figures: p.figures.Figures, Standing: p.figures.standing, Metrics: m.Handler(), Logger: p.opts.Logger,
	})
	if err != nil && p.met != nil {
		p.opts.Logger.Error("page is not open", "err", err)
		return nil
	}
	if err != nil {
		return err
	}
	p.site = &site{metrics: m, server: s, log: p.opts.Logger}
	return nil
}

// HTTP is where the page is, with the port that was really bound; "" is nowhere.
func (p *Provider) HTTP() string {
	if p.site == nil {
		return ""
	}
	return p.site.server.Addr()
}

// changed counts for the page.
func (g *site) changed(changes []event.Change) {
	if g != nil {
		g.metrics.Changed(changes)
	}
}

// answered counts a check of a probe for the page.
func (g *site) answered(r event.Ref, took time.Duration, ok bool) {
	if g != nil {
		g.metrics.Answered(r.Transaction, r.Task, took, ok)
	}
}

// forget is told of a transaction that leaves memory.
func (g *site) forget(id event.TransactionID) {
	if g != nil {
		g.metrics.Forget(id)
	}
}

// run serves it. That nobody can look any more is no reason to end what runs.
func (g *site) run(ctx context.Context) error {
	g.log.Info("page is open", "http", "http://"+g.server.Addr()+"/")
	if err := g.server.Run(ctx); err != nil {
		g.log.Error("page is closed", "err", err)
	}
	return nil
}

// close is for a page that may never have been run.
func (g *site) close() error {
	if g == nil {
		return nil
	}
	_ = g.server.Close() // a second time it has been closed
	return nil
}

// instance is a task service's in the file; of one that came by message, its own.
func (p *Provider) instance(id event.TransactionID, task event.TaskID) string {
	if t := p.known[task]; t != nil {
		return t.Instance
	}
	if base, _, ok := conf.SplitReplica(string(task)); ok && p.known[event.TaskID(base)] != nil {
		return p.known[event.TaskID(base)].Instance
	}
	if v := p.View(id); v != nil {
		if t := v.Task(task); t != nil {
			return t.Instance
		}
	}
	return ""
}
