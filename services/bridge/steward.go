package bridge

import (
	"context"

	"zmicroservices/services/bridge/subject"
)

const discoverSubject = subject.Discover

// steward sees to it that a link is of use: that there are streams. It alone raises the
// tide, and it tells our own bus how the link is, for whoever reacts to that.
func (b *bridge) steward(ctx context.Context) {
	var p pauses
	said := ""
	for {
		switch {
		case b.nc.IsConnected() && !b.tide.isUp():
			names, err := b.ensure(ctx)
			if err == nil {
				p.reset()
				said = ""
				b.rise(names)
				continue // the link may have broken meanwhile
			}
			if ctx.Err() != nil {
				return
			}
			if text := err.Error(); text != said && b.nc.IsConnected() {
				said = text
				b.log.Warn("NATS keeps no events yet: tried again until it does", "err", err)
			}
			p.wait(ctx)
			if ctx.Err() != nil {
				return
			}
			continue
		case !b.nc.IsConnected() && b.tide.isUp():
			b.tide.fall()
		}
		if !b.tide.isUp() {
			b.tell("disconnected")
		}
		select {
		case <-b.changed:
		case <-ctx.Done():
			return
		}
	}
}

func (b *bridge) ensure(ctx context.Context) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, ackTime)
	defer cancel()
	return b.settings.stream.ensure(ctx, b.js, b.log)
}

func (b *bridge) rise(names []string) {
	b.mu.Lock()
	b.streams = names
	b.refused = ""
	b.mu.Unlock()
	b.tide.rise()
	rows, dropped := b.spool.counts()
	b.log.Info("link to NATS is up", "server", b.nc.ConnectedUrlRedacted(), "streams", names, "spooled", rows, "dropped", dropped)
	b.tell("connected")
}

// tell says on control how the link is: once for each change.
func (b *bridge) tell(link string) {
	b.mu.Lock()
	news := b.told != link
	b.told = link
	b.mu.Unlock()
	if !news {
		return
	}
	rows, dropped := b.spool.counts()
	if err := b.session.Updated(map[string]any{"nats": link, "spooled": rows, "dropped": dropped}); err != nil {
		b.log.Debug("notice was not published", "err", err)
	}
}
