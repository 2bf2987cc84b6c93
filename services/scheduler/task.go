package scheduler

import (
	"cmp"
	"context"
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/google/uuid"

	"zmicroservices/services/scheduler/engine"
	"zmicroservices/taskservice"
	"zmicroservices/taskservice/message"
)

// New is the factory of the task. Its address is bound before the task is said to be
// started, so that one that is taken is a failed start.
func New(from Source, version string) taskservice.Factory {
	return func(c taskservice.Config) (taskservice.Task, error) {
		s, unknown, err := SettingsOf(c)
		if err != nil {
			return nil, err
		}
		t := &task{notices: notices{queue: make(chan engine.Event, noticesKept)}, unknown: unknown}
		host, err := os.Hostname()
		if err != nil {
			host = c.ContextID
		}
		t.scheduler, err = Make(context.Background(), s, Options{
			Logger: cmp.Or(c.Log, slog.Default()), Name: host, Version: version, Source: from, Happened: t.notices.put,
		})
		if err != nil {
			return nil, err
		}
		return t, nil
	}
}

// task is the Scheduler as a task service.
type task struct {
	scheduler *Scheduler
	notices   notices
	unknown   []string
}

// noticesKept is how many notices may wait for the bus; a network that joins another
// makes one for each peer.
const noticesKept = 4096

// notices are what is to be said on the bus.
type notices struct {
	queue   chan engine.Event // sent by put, never closed
	dropped atomic.Uint64
}

func (n *notices) put(e engine.Event) {
	select {
	case n.queue <- e:
	default:
		n.dropped.Add(1)
	}
}

// Run implements taskservice.Task.
func (t *task) Run(ctx context.Context, s *taskservice.Session) error {
	for _, name := range t.unknown {
		s.Log.Warn("configuration without effect", "element", name, "known", strings.Join(names, " "))
	}
	ctx, cancel := context.WithCancel(ctx)
	var saying sync.WaitGroup
	defer saying.Wait()
	defer cancel()
	saying.Go(func() { t.say(ctx, s) }) // ends with ctx
	return t.scheduler.Run(ctx)
}

// say puts the notices on the bus.
func (t *task) say(ctx context.Context, s *taskservice.Session) {
	var lost uint64
	for {
		select {
		case e := <-t.notices.queue:
			frame, err := notice(s.Config(), e)
			if err == nil {
				err = s.PublishFrame(frame)
			}
			if err != nil && ctx.Err() == nil {
				s.Log.Warn("notice was not said", "event", e.Kind, "err", err)
			}
			if n := t.notices.dropped.Load(); n != lost {
				s.Log.Warn("more has changed than the bus could be told", "notices", n-lost)
				lost = n
			}
		case <-ctx.Done():
			return
		}
	}
}

// notice is the message about an event. Its device_action is the event's, so that a
// transition can wait for it.
func notice(c taskservice.Config, e engine.Event) ([]byte, error) {
	status := map[string]any{"device_action": string(e.Kind), "result": "success", "ip": e.New}
	if e.Peer.UUID != uuid.Nil {
		status["uuid"] = e.Peer.UUID.String()
	}
	switch e.Kind {
	case engine.AddressChanged, engine.PeerAddressChanged:
		delete(status, "ip")
		status["old"], status["new"] = e.Old, e.New
	case engine.PeerUnavailable:
		status["reason"] = e.Reason
	}
	return message.Control{
		Header: message.Header{Action: "updated", ServiceID: c.TaskID, ServiceName: c.ServiceName, Transaction: c.Transaction},
		Status: status,
	}.Frame()
}
