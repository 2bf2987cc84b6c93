package tally

import (
	"context"
	"fmt"
	"sync"
	"time"

	"zmicroservices/services/gap"
)

// Source is where frames come from; a *bus.Bus with a Frontend is one.
type Source interface {
	// Receive is the next frame, which belongs to the caller.
	Receive(ctx context.Context) ([]byte, error)
	// Connected says whether frames can be heard at this moment.
	Connected() bool
}

const (
	beatEvery = time.Second
	// noticesABeat bounds what a bus that broke, and with it all nodes, makes us say: the
	// others wait, and are not said of nodes that are back.
	noticesABeat = 100
	// framesAhead are read from the bus while one is counted. Who is slower than that
	// makes the forwarder queue.
	framesAhead = 64
)

// Run counts what comes until ctx ends, which is no error.
func (t *Tally) Run(ctx context.Context, from Source) error {
	ctx, cancel := context.WithCancel(ctx)
	frames := make(chan []byte, framesAhead) // sent by receive, never closed
	fault := make(chan error, 1)             // receive's end, sent once
	var receiving sync.WaitGroup
	defer receiving.Wait()
	defer cancel()
	receiving.Go(func() { fault <- receive(ctx, from, frames) }) // ends with ctx, or with the bus
	ticker := time.NewTicker(beatEvery)
	defer ticker.Stop()
	clock := gap.NewClock(beatEvery, gap.Read)
	last := time.Now()
	var waiting []gap.Notice
	for {
		select {
		case frame := <-frames:
			t.Take(frame, time.Now())
		case <-ticker.C:
			away := clock.Beat()
			unheard := away.Unheard
			if !from.Connected() {
				unheard = away.Now.Sub(last)
			}
			last = away.Now
			if away.Strange() {
				t.Logger.Warn("was away: no node is held to that time", "unheard", away.Unheard, "slept", away.Slept, "clock_set_by", away.Stepped)
			}
			waiting = t.say(append(waiting, t.Beat(away.Now, unheard)...))
		case err := <-fault:
			return err
		case <-ctx.Done():
			return nil
		}
	}
}

// say tells the bus of some, and returns the others.
func (t *Tally) say(waiting []gap.Notice) []gap.Notice {
	if t.Say == nil {
		return nil
	}
	for said := 0; len(waiting) > 0 && said < noticesABeat; waiting = waiting[1:] {
		n := waiting[0]
		if t.known(n.Node) {
			continue // it is back
		}
		said++
		if err := t.Say(n); err != nil {
			t.Logger.Warn("missed alive was not said", "component", n.Component, "identity", n.Identity, "err", err)
			continue
		}
		t.said(n)
	}
	return waiting
}

// receive reads until ctx ends; an earlier end is an error.
func receive(ctx context.Context, from Source, frames chan<- []byte) error {
	for {
		frame, err := from.Receive(ctx)
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return fmt.Errorf("receive events: %w", err)
		}
		select {
		case frames <- frame:
		case <-ctx.Done():
			return nil
		}
	}
}
