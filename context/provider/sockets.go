package provider

import (
	"context"
	"errors"
	"os"
	"slices"

	"zmicroservices/context/forwarder"
	"zmicroservices/context/keeper"
)

// meet connects to the keeper that an earlier provider has left, if there is one. It
// starts none: nothing may be begun before the state directory is ours and the ports
// are.
func (p *Provider) meet() error {
	// Nobody can end this waiting but by ending us: there are no services yet.
	k, err := keeper.Meet(context.Background(), p.keeperOptions())
	if errors.Is(err, keeper.ErrNone) {
		return nil
	}
	p.met = k
	return err
}

// attach gives the keeper that was met, or starts one; true says that it was met.
func (p *Provider) attach(ctx context.Context) (*keeper.Client, bool, error) {
	if p.met != nil {
		return p.met, true, nil
	}
	return keeper.Attach(ctx, p.keeperOptions())
}

// part leaves the keeper that was met as it was.
func (p *Provider) part() error {
	if p.met == nil {
		return nil
	}
	return p.met.Close()
}

func (p *Provider) keeperOptions() keeper.Options {
	return keeper.Options{
		Exe: p.upgrades.program(p.opts.keeperExe), RuntimeDir: p.opts.RuntimeDir, StateDir: p.opts.StateDir, Logger: p.opts.Logger,
		Epoch: p.state.epoch, Linger: p.opts.Linger, Dropped: p.dropped,
		Silence: p.opts.keeperSilence, Silent: p.silent,
	}
}

// inherit fetches the bus's sockets from the keeper that was met: peers that have
// connected since wait in their backlog. What is of another address is let go, before
// anything is bound, which might be the same port. What cannot be had is bound anew.
func (p *Provider) inherit(names []string) []*os.File {
	if p.met == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), keeperGrace)
	defer cancel()
	stored, err := p.met.Stored(ctx)
	if err != nil {
		p.opts.Logger.Warn("sockets not inherited", "err", err)
	}
	var files []*os.File
	for _, name := range stored {
		if !forwarder.IsSocketName(name) {
			continue
		}
		if !slices.Contains(names, name) {
			if err := p.met.Release(name); err != nil {
				p.opts.Logger.Warn("socket not released", "socket", name, "err", err)
			}
			continue
		}
		f, err := p.met.Fetch(ctx, name)
		if err != nil {
			p.opts.Logger.Warn("socket not inherited", "socket", name, "err", err)
			continue
		}
		p.opts.Logger.Info("socket inherited", "socket", name)
		files = append(files, f)
	}
	return files
}

// deposit leaves copies of the bus's sockets with the keeper. Without them everything
// works, but for a provider that dies.
func (p *Provider) deposit(k *keeper.Client) {
	for _, s := range p.forwarder.Sockets() {
		if err := k.Store(s.Name, s.Socket); err != nil {
			p.opts.Logger.Warn("socket not kept for a later provider", "socket", s.Name, "err", err)
		}
	}
}

// withdraw takes them back: an end in order leaves no port open.
func (p *Provider) withdraw(k *keeper.Client) {
	for _, s := range p.forwarder.Sockets() {
		if err := k.Release(s.Name); err != nil && k.Err() == nil && !errors.Is(err, keeper.ErrNoDescriptor) {
			p.opts.Logger.Warn("socket not released", "socket", s.Name, "err", err)
		}
	}
}
