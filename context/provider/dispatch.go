package provider

import (
	"context"
	"slices"
	"time"

	"zmicroservices/context/event"
	"zmicroservices/context/group"
	"zmicroservices/context/keeper"
	"zmicroservices/internal/crashpoint"
)

// lastWords is the longest that an exit waits for what the dead process had
// handed to the kernel. It takes some microseconds unless the bus is saturated.
const lastWords = 50 * time.Millisecond

// maxBatch bounds the exits that wait together.
const maxBatch = 1024

// dispatch takes a keeper's events to their transactions until its stream
// ends. Exits that come together wait together for the last words.
func (p *Provider) dispatch(ctx context.Context, k *keeper.Client) {
	events := k.Events()
	acks := &ledger{ack: func(seq uint64) {
		if err := k.Ack(seq); err != nil && k.Err() == nil {
			p.opts.Logger.Warn("keeper events not acknowledged", "err", err)
		}
		crashpoint.Here("events acknowledged")
	}}
	for first := range events {
		batch := []keeper.Event{first}
		for more := true; more && len(batch) < maxBatch; {
			select {
			case e, ok := <-events:
				if more = ok; ok {
					batch = append(batch, e)
				}
			default:
				more = false
			}
		}
		pg := acks.open(batch[len(batch)-1].Seq, func() { p.launcher.strays.forgotten(batch) })
		p.recorded(acks, pg, p.deliver(ctx, batch))
		p.retold(ctx, len(batch))
	}
}

// deliver takes a batch to its transactions, and gives those.
func (p *Provider) deliver(ctx context.Context, batch []keeper.Event) []*group.Group {
	for _, e := range batch {
		if e.ID.Hook == "" && (e.Kind == keeper.Exited || e.Kind == keeper.Gone && p.doors.give()) {
			settle, cancel := context.WithTimeout(ctx, lastWords)
			p.forwarder.Settle(settle)
			cancel()
			break
		}
	}
	var told []*group.Group
	var over []event.Ref
	for _, e := range batch {
		known := p.hold.told(e)
		if e.ID.Hook != "" && !isTurn(e.ID.Hook) {
			if isTrial(e.ID.Hook) {
				p.prober.trials.told(e)
			} else {
				p.launcher.builder.told(e)
			}
			continue
		}
		ref := refOf(e.ID)
		if e.ID.Hook == "" && (e.Kind == keeper.Gone || e.Kind == keeper.SpawnFailed) {
			over = append(over, ref)
		}
		if p.launcher.strays.has(ref) {
			continue
		}
		if g := p.group(ref.Transaction); g != nil && !slices.Contains(told, g) {
			told = append(told, g)
		}
		if e.ID.Hook != "" {
			p.hookTold(e)
			continue
		}
		switch e.Kind {
		case keeper.Spawned:
			p.put(ref, event.Spawned{Ref: ref, PID: e.PID, Ticks: e.Start.Ticks})
		case keeper.Adopted:
			p.adopted(e)
			p.put(ref, event.Spawned{Ref: ref, PID: e.PID, Ticks: e.Start.Ticks})
		case keeper.Noticed:
			p.noticed(ref, e.Notice)
		case keeper.SpawnFailed:
			p.put(ref, event.SpawnFailed{Ref: ref, Reason: e.Err})
		case keeper.Exited:
			if !slices.Contains(e.Lost, keeper.LostExitCode) { // else it is lost when all of it is gone
				p.put(ref, event.Exited{Ref: ref, Exit: exitOf(e)})
			}
		case keeper.Gone:
			if known {
				p.put(ref, event.Gone{Ref: ref, Survivors: e.Survivors})
			} else {
				p.put(ref, event.Lost{Ref: ref, Reason: lostReason})
			}
		}
	}
	p.doors.over(over...)
	return told
}

func (p *Provider) put(ref event.Ref, e event.Event) {
	if g := p.group(ref.Transaction); g != nil {
		g.Put(e)
	}
}

func exitOf(e keeper.Event) event.Exit {
	out := event.Exit{Code: e.Code, Core: e.Core}
	if e.Signal != 0 {
		out.Code, out.Signal = 0, signalName(e.Signal)
	}
	return out
}
