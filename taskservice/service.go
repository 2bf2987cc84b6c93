package taskservice

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"zmicroservices/taskservice/message"
)

// line is what a service needs of the bus.
type line interface {
	Publish(ctx context.Context, frame []byte) error
	Receive(ctx context.Context) ([]byte, error)
	Subscribe(ctx context.Context, prefix string) error
	Rejoined() <-chan struct{}
}

// errStuck is how a service ends whose task does not return.
var errStuck = errors.New("task did not return in time after it was asked to stop")

// service is the owner of one task's life. Everything below belongs to the
// goroutine of run.
type service struct {
	config   Config
	factory  Factory
	log      *slog.Logger
	session  *Session
	stopTime time.Duration

	cancel context.CancelFunc // ends the task's context; nil before its start
	done   <-chan error       // gets what Run returned; nil before its start
	late   <-chan time.Time   // fires when the task had its time to stop; nil before
}

// run lives the life that doc.go describes. ctx is a request to stop. orders
// are the actions of `process` messages for this service; nobody closes it.
func (s *service) run(ctx context.Context, bus line, orders <-chan string) error {
	if s.config.startsAtOnce() {
		if err := s.start(); err != nil {
			return err
		}
	} else {
		s.say("created", "success", nil)
	}
	stop := ctx.Done()
	for {
		select {
		case <-stop:
			stop = nil
			if s.stop() {
				return nil
			}
		case order := <-orders:
			switch order {
			case "start":
				if s.cancel != nil {
					break // the provider greets every newborn with one
				}
				if err := s.start(); err != nil {
					return err
				}
			case "stop":
				if s.stop() {
					return nil
				}
			}
		case err := <-s.done:
			return s.ended(err)
		case <-s.late:
			s.session.end()
			return errStuck
		case <-bus.Rejoined():
			repeating, cancel := context.WithTimeout(context.Background(), sayTime)
			if err := s.session.repeat(repeating); err != nil {
				s.log.Warn("state was not repeated", "err", err)
			}
			cancel()
		}
	}
}

// start makes the task and runs it; an error is the end of the service.
func (s *service) start() error {
	task, err := s.make()
	if err != nil {
		s.sayLast("started", "failure", map[string]any{"reason": err.Error()})
		return fmt.Errorf("start task: %w", err)
	}
	s.say("started", "success", nil)
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	s.done = s.guard(func() error { return task.Run(ctx, s.session) })
	return nil
}

// stop asks the task to end; true if there is none.
func (s *service) stop() bool {
	switch {
	case s.cancel == nil:
		s.sayLast("stopped", "success", nil)
		return true
	case s.late == nil:
		s.cancel()
		s.late = time.After(s.stopTime)
	}
	return false
}

// ended says how the task ended. After a stop any end is a stop.
func (s *service) ended(err error) error {
	s.cancel()
	if stopping := s.late != nil; stopping && err != nil {
		if !errors.Is(err, context.Canceled) {
			s.log.Warn("task returned an error while it was stopped", "err", err)
		}
		err = nil
	}
	if err != nil {
		s.sayLast("failed", "failure", map[string]any{"reason": err.Error()})
		return fmt.Errorf("run task: %w", err)
	}
	s.sayLast("stopped", "success", nil)
	return nil
}

// say publishes a state of the service; all of them carry the pid. It waits
// for room without an end in sight only as long as a notice would: a state that
// finds none is said again when the bus is back.
func (s *service) say(action, result string, items map[string]any) {
	s.publish(s.session.say, action, result, items)
}

func (s *service) sayLast(action, result string, items map[string]any) {
	s.publish(s.session.sayLast, action, result, items)
}

func (s *service) publish(
	say func(ctx context.Context, action, result string, items map[string]any) error,
	action, result string, items map[string]any,
) {
	if items == nil {
		items = map[string]any{}
	}
	items["pid"] = os.Getpid()
	ctx, cancel := context.WithTimeout(context.Background(), sayTime)
	defer cancel()
	if err := say(ctx, action, result, items); err != nil {
		s.log.Warn("state was not published", "state", action, "err", err)
	}
	s.log.Info("task service changed state", "state", action, "result", result)
}

// listen turns what comes over the bus into orders and deliveries, until ctx
// ends or the bus is closed.
func (s *service) listen(ctx context.Context, bus line, orders chan<- string) {
	for {
		frame, err := bus.Receive(ctx)
		if err != nil {
			return
		}
		s.session.deliver(frame)
		topic, payload, err := message.Split(frame)
		if err != nil || topic != message.TopicProcess {
			continue
		}
		p, err := message.ParseProcess(payload)
		if err != nil {
			s.log.Debug("message was not understood", "err", err)
			continue
		}
		if !s.means(p.Header) {
			continue
		}
		select {
		case orders <- p.Header.Action:
		case <-ctx.Done():
			return
		}
	}
}

// means says whether a process message is for this service.
func (s *service) means(h message.Header) bool {
	return h.ServiceID == s.config.TaskID && h.Transaction == s.config.Transaction &&
		(h.ServiceName == s.config.ServiceName || h.ServiceName == "all")
}
