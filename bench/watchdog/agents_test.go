package watchdog

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"zmicroservices/taskservice/agent"
	"zmicroservices/taskservice/bus"
	"zmicroservices/taskservice/hippodamia"
)

// line counts what an agent says.
type line struct {
	*bus.Bus
	said *atomic.Int64
}

// Publish implements agent.Line.
func (l line) Publish(ctx context.Context, frame []byte) error {
	err := l.Bus.Publish(ctx, frame)
	if err == nil {
		l.said.Add(1)
	}
	return err
}

// fleet are agents over connections.
type fleet struct {
	t      testing.TB
	cancel context.CancelFunc
	work   sync.WaitGroup
	buses  []*bus.Bus
	crews  []*agent.Crew
	said   atomic.Int64
	active atomic.Int64
}

const perPair = 10

// dial makes so many pairs of connections.
func dial(t testing.TB, frontend, backend string, pairs int) *fleet {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	f := &fleet{t: t, cancel: cancel, buses: make([]*bus.Bus, pairs), crews: make([]*agent.Crew, pairs)}
	t.Cleanup(f.end)
	var dialling sync.WaitGroup
	turn := make(chan struct{}, 20) // so many at a time
	for i := range pairs {
		turn <- struct{}{}
		dialling.Go(func() { // ends when it is joined, or is not
			defer func() { <-turn }()
			join, done := context.WithTimeout(ctx, patience)
			defer done()
			b, err := bus.Dial(join, bus.Options{Frontend: frontend, Backend: backend})
			if err != nil {
				t.Error(err)
				return
			}
			f.buses[i], f.crews[i] = b, agent.NewCrew(line{b, &f.said}, hippodamia.Topics{}, nil)
		})
	}
	dialling.Wait()
	if t.Failed() {
		t.FailNow()
	}
	for i := range pairs {
		b, crew := f.buses[i], f.crews[i]
		f.work.Go(func() { _ = crew.Run(ctx) }) // ends with end
		f.work.Go(func() {                      // ends with end
			for {
				frame, err := b.Receive(ctx)
				if err != nil {
					return
				}
				crew.Hear(frame)
			}
		})
	}
	return f
}

// board begins the lives of all agents, and waits until all are active.
func (f *fleet) board(ping time.Duration) {
	f.t.Helper()
	for i, crew := range f.crews {
		for n := range perPair {
			a := agent.New(agent.Options{
				Type: "bench", Name: fmt.Sprintf("agent%d", i*perPair+n), Host: "edge7", ConfigID: "bench/ts001", Version: "1", PID: 4711,
				Ping: ping, Runtime: time.Hour,
			})
			crew.Add(a, func(s agent.State) {
				if s == agent.Active {
					f.active.Add(1)
				}
			})
		}
	}
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	for end := time.Now().Add(patience); f.active.Load() < int64(len(f.crews)*perPair); <-look.C {
		if time.Now().After(end) {
			f.t.Fatalf("%d of %d are active", f.active.Load(), len(f.crews)*perPair)
		}
	}
}

// end closes all connections once what was said has been read.
func (f *fleet) end() {
	f.cancel()
	f.work.Wait()
	var closing sync.WaitGroup
	for _, b := range f.buses {
		if b == nil {
			continue
		}
		closing.Go(func() { // ends when it is closed
			ctx, done := context.WithTimeout(context.Background(), patience)
			defer done()
			if err := b.Close(ctx); err != nil {
				f.t.Error(err)
			}
		})
	}
	closing.Wait()
	f.buses = nil
}

// scene is a bus and a watchdog.
type scene struct {
	database, frontend, backend string
	bus, watchdog               *process
}

func newScene(t testing.TB, database string) *scene {
	t.Helper()
	s := &scene{database: database, bus: start(t, busRole, "")}
	s.frontend, s.backend, _ = strings.Cut(s.bus.line(), " ")
	s.watchdog = start(t, watchdogRole, s.database+"\n"+s.frontend+"\n"+s.backend)
	if said := s.watchdog.line(); said != "observing" {
		t.Fatalf("the watchdog says %q", said)
	}
	return s
}
