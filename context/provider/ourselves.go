package provider

import (
	"context"
	"os"
	"runtime"
	"time"

	"zmicroservices/context/command"
	"zmicroservices/context/event"
	"zmicroservices/context/sample"
)

// ourselves is what the provider and its keeper cost: who watches others tells what
// that takes.
type ourselves struct {
	provider, keeper *sample.Tree
	keeperPID        int
}

// statsPatience bounds the wait for the keeper's figures, which it has at hand.
const statsPatience = time.Second

// trees are the two processes, without their descendants: the keeper's are the
// services.
func (o *ourselves) trees(m *meter) []*sample.Tree {
	if o.provider == nil {
		o.provider = m.sampler.Watch(sample.Target{PID: os.Getpid(), Alone: true})
	}
	if pid := m.p.hold.current().PID(); o.keeper == nil || pid != o.keeperPID {
		if o.keeper != nil {
			o.keeper.Close()
		}
		o.keeper, o.keeperPID = m.sampler.Watch(sample.Target{PID: pid, Alone: true}), pid
	}
	return []*sample.Tree{o.provider, o.keeper}
}

// usage gives the figures of the last pass, with those that only they know themselves.
func (o *ourselves) usage(ctx context.Context, m *meter) []command.SelfUsage {
	bus, journal := busFigures(m.p.forwarder.Stats()), m.p.journal.Stats()
	waiting := 0
	for _, g := range m.p.all() {
		waiting += g.Waiting()
	}
	us := selfUsage("provider", costOf(o.provider))
	us.Goroutines = runtime.NumGoroutine()
	us.Queues = map[string]int64{
		"bus_messages": int64(bus.QueuedMessages), "bus_bytes": bus.QueuedBytes, "notices": int64(waiting), "journal": int64(journal.Waiting),
	}
	us.Drops = map[string]uint64{
		"bus_messages": bus.Dropped.Messages, "bus_bytes": bus.Dropped.Bytes, "bus_denied": bus.Denied, "journal": journal.Lost,
	}
	keeper := selfUsage("keeper", costOf(o.keeper))
	ctx, cancel := context.WithTimeout(ctx, statsPatience)
	defer cancel()
	if s, err := m.p.hold.current().Stats(ctx); err != nil {
		keeper.Error = err.Error()
	} else {
		keeper.Goroutines = s.Goroutines
		keeper.Queues["events"] = int64(s.Events)
		keeper.Drops["lines"], keeper.Drops["notes"] = s.DroppedLines, s.LostNotes
	}
	return []command.SelfUsage{us, keeper}
}

func selfUsage(process string, c *event.Cost) command.SelfUsage {
	return command.SelfUsage{
		ProcessCost: c.ProcessCost, Process: process, Error: c.Error, Queues: map[string]int64{}, Drops: map[string]uint64{},
	}
}
