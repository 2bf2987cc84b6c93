package monitor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"zmicroservices/taskservice"
	"zmicroservices/taskservice/zmtp/pub"
)

// Query says which messages are wanted.
type Query struct {
	Transaction string
	Every       time.Duration
	Connections bool
	OpenedFiles bool
	MemoryMaps  bool
}

// Source gives messages of the topic monitor.
type Source interface {
	// Follow gives messages as often as q says, whole, as they go onto the wire. It returns
	// when ctx ends, or when it cannot go on; it is called again then.
	Follow(ctx context.Context, q Query, each func(frame []byte)) error
}

// New is the factory of the task. Its endpoint is bound before the task is said to be
// started, so that one that is taken is a failed start.
func New(from Source) taskservice.Factory {
	return func(c taskservice.Config) (taskservice.Task, error) {
		s, err := settingsOf(c)
		if err != nil {
			return nil, err
		}
		server, err := pub.Listen(s.endpoint, pub.Options{Logger: slog.Default(), Beyond: s.insecure})
		if errors.Is(err, pub.ErrBeyond) {
			err = fmt.Errorf("%w; <insecure>true</insecure> in <publisher> allows it", err)
		}
		if err != nil {
			return nil, err
		}
		return &monitor{from: from, settings: s, server: server}, nil
	}
}

// monitor is the task.
type monitor struct {
	from     Source
	settings settings
	server   *pub.Server
}

// The pauses before a source that has ended is asked again.
const (
	firstPause = 100 * time.Millisecond
	longPause  = 2 * time.Second
)

// Run implements taskservice.Task.
func (m *monitor) Run(ctx context.Context, s *taskservice.Session) error {
	q := m.settings.query
	s.Log.Info("monitor is bound", "endpoint", m.server.Endpoint(), "every", q.Every)
	for _, idle := range m.settings.idle {
		s.Log.Warn("configuration without effect: the provider keeps the history itself", "element", idle)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var serving sync.WaitGroup
	defer serving.Wait()
	defer cancel(nil)
	serving.Go(func() { // ends with ctx
		if err := m.server.Run(ctx); err != nil {
			cancel(fmt.Errorf("serve %s: %w", m.server.Endpoint(), err))
		}
	})
	pause, said := firstPause, false
	for ctx.Err() == nil {
		err := m.from.Follow(ctx, q, func(frame []byte) {
			pause, said = firstPause, false
			m.server.Publish(frame)
		})
		if ctx.Err() != nil {
			break
		}
		if !said {
			s.Log.Warn("provider does not tell what its services cost: asked again until it does", "err", err)
			said = true
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
		pause = min(2*pause, longPause)
	}
	return context.Cause(ctx)
}
