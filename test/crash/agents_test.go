package crash

import (
	"context"
	"sync"
	"syscall"
	"testing"
	"time"

	"zmicroservices/taskservice/bus"
	"zmicroservices/taskservice/hippodamia"
	"zmicroservices/taskservice/message"
)

// observer onboards whoever asks, across the ends of providers.
type observer struct {
	mu   sync.Mutex // guards both
	gids []string   // of requests, in order
	ends []hippodamia.End
}

func observe(t *testing.T, b *bench) *observer {
	t.Helper()
	line, err := bus.Dial(t.Context(), bus.Options{Frontend: b.front, Backend: b.back, Topics: []string{"hippodamia.contact", "hippodamia.state.end"}})
	if err != nil {
		t.Fatal(err)
	}
	o, served := &observer{}, make(chan struct{})
	ctx, cancel := context.WithCancel(context.Background())
	go func() { // ends with ctx
		defer close(served)
		for {
			frame, err := line.Receive(ctx)
			if err != nil {
				return
			}
			topic, payload, _ := message.Split(frame)
			if topic == "hippodamia.state.end" {
				end, err := hippodamia.Parse[hippodamia.End](payload)
				if err != nil {
					t.Error(err)
				}
				o.mu.Lock()
				o.ends = append(o.ends, end)
				o.mu.Unlock()
				continue
			}
			r, err := hippodamia.Parse[hippodamia.OnboardingRequest](payload)
			if err != nil {
				t.Error(err)
				continue
			}
			o.mu.Lock()
			o.gids = append(o.gids, hippodamia.GID(r))
			o.mu.Unlock()
			answer, _ := hippodamia.Frame(r.Topic, hippodamia.OnboardingResponse{UUID: r.UUID, GID: hippodamia.GID(r), Timestamp: time.Now()})
			_ = line.Publish(ctx, answer)
		}
	}()
	t.Cleanup(func() {
		cancel()
		<-served
		_ = line.Close(context.Background())
	})
	return o
}

func (o *observer) counts() (onboarded, ended int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.gids), len(o.ends)
}

// Agents of commands go on with the next provider, as who they were, and nobody is said
// to have ended who has not. Who dies while there is no provider is said to later.
func TestAgentsGoOnWithTheNextProvider(t *testing.T) {
	b := newBench(t, 2, `<Process><command>/bin/sleep 1000</command></Process>`)
	b.start()
	o := observe(t, b)
	await(t, "both to be onboarded", func() bool { n, _ := o.counts(); return n >= 2 })
	b.kill()
	b.start()
	await(t, "both to be onboarded again", func() bool { n, _ := o.counts(); return n >= 4 })
	o.mu.Lock()
	gids := map[string]int{}
	for _, gid := range o.gids {
		gids[gid]++
	}
	if len(gids) != 2 || len(o.ends) > 0 {
		t.Errorf("gids %v, ends %v", gids, o.ends)
	}
	o.mu.Unlock()
	views, err := b.client.State(t.Context(), b.transaction)
	if err != nil {
		t.Fatal(err)
	}
	b.kill()
	if err := syscall.Kill(views[0].Tasks[0].PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	b.start()
	await(t, "the goodbye of the one that died", func() bool { _, n := o.counts(); return n >= 1 })
	await(t, "the other one to be onboarded", func() bool { n, _ := o.counts(); return n >= 6 })
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.ends) != 1 || o.ends[0].Reason != hippodamia.ReasonLastWill || gids[o.ends[0].GID] == 0 {
		t.Errorf("ends %+v of %v", o.ends, gids)
	}
}
