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
	Unsubscribe(prefix string)
	Connected() bool
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
	watched  *watched
	stopTime time.Duration

	cancel context.CancelFunc // ends the task's context; nil before its start
	done   <-chan error       // gets what Run returned; nil before its start
	late   <-chan time.Time   // fires when the task had its time to stop; nil before

	stopRequest string // the request_id of the stop
}

// run lives the life that doc.go describes. ctx is a request to stop. orders
// are the headers of `process` messages for this service; nobody closes it.
func (s *service) run(ctx context.Context, bus line, orders <-chan message.Header) error {
	if s.config.startsAtOnce() {
		if err := s.start(s.config.request()); err != nil {
			return err
		}
	} else {
		s.say(word{action: "created", result: "success", request: s.config.request()})
		s.watched.begin()
	}
	stop := ctx.Done()
	for {
		select {
		case <-stop:
			stop = nil
			if s.stop("") {
				return nil
			}
		case order := <-orders:
			switch order.Action {
			case "start":
				if s.cancel != nil {
					break // the provider greets every newborn with one
				}
				if err := s.start(order.RequestID); err != nil {
					return err
				}
			case "stop":
				if s.stop(order.RequestID) {
					return nil
				}
			}
		case err := <-s.done:
			return s.ended(err)
		case <-s.late:
			s.session.end()
			return errStuck
		case <-bus.Rejoined():
			s.repeat()
			s.watched.rejoined()
		}
	}
}

// start makes the task and runs it; an error is the end of the service.
func (s *service) start(request string) error {
	task, err := s.make()
	if err != nil {
		s.say(word{action: "started", result: "failure", items: reason(err), request: request, last: true})
		return fmt.Errorf("start task: %w", err)
	}
	s.say(word{action: "started", result: "success", request: request})
	s.watched.started()
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	s.done = s.guard(func() error { return task.Run(ctx, s.session) })
	return nil
}

// stop asks the task to end; true if there is none.
func (s *service) stop(request string) bool {
	switch {
	case s.cancel == nil:
		s.say(word{action: "stopped", result: "success", request: request, last: true})
		return true
	case s.late == nil:
		s.cancel()
		s.stopRequest = request
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
	switch {
	case err == nil:
		s.say(word{action: "stopped", result: "success", request: s.stopRequest, last: true})
		return nil
	case s.session.failed(): // it was said, by the task itself
		s.watched.end("failed: " + err.Error())
		s.session.end()
	default:
		s.say(word{action: "failed", result: "failure", items: reason(err), last: true})
	}
	return fmt.Errorf("run task: %w", err)
}

// say publishes a state of the service; all of them carry the pid. It waits for
// room no longer than a notice would: a state that finds none is said again
// when the bus is back.
func (s *service) say(w word) {
	if w.last {
		s.watched.end(w.ending())
	}
	if w.items == nil {
		w.items = map[string]any{}
	}
	w.items["pid"] = os.Getpid()
	ctx, cancel := context.WithTimeout(context.Background(), sayTime)
	defer cancel()
	if err := s.session.say(ctx, w); err != nil {
		s.log.Warn("state was not published", "state", w.action, "err", err)
	}
	s.log.Info("task service changed state", "state", w.action, "result", w.result)
}

func (s *service) repeat() {
	ctx, cancel := context.WithTimeout(context.Background(), sayTime)
	defer cancel()
	if err := s.session.repeat(ctx); err != nil {
		s.log.Warn("state was not repeated", "err", err)
	}
}

func reason(err error) map[string]any { return map[string]any{"reason": err.Error()} }

// listen turns what comes over the bus into orders and deliveries, until ctx
// ends or the bus is closed.
func (s *service) listen(ctx context.Context, bus line, orders chan<- message.Header) {
	for {
		frame, err := bus.Receive(ctx)
		if err != nil {
			return
		}
		s.session.ears.deliver(frame)
		s.watched.hear(frame)
		topic, payload, err := message.Split(frame)
		if err != nil || topic != message.TopicProcess {
			continue
		}
		p, err := message.ParseProcess(payload)
		if err != nil {
			s.log.Debug("message was not understood", "err", err)
			continue
		}
		if !s.means(p.Header) || p.Header.Action == "start" && waits(p.Object) {
			continue
		}
		select {
		case orders <- p.Header:
		case <-ctx.Done():
			return
		}
	}
}

// waits says whether a task object's state type says wait, and not run: a start
// with such an object is the one that told of our birth, which a forwarder may
// hand to us late. In a start that means it the object says run. An operator's
// start need not have a state.
func waits(object map[string]any) bool {
	task, _ := object["Task"].(map[string]any)
	state, _ := task["state"].(map[string]any)
	kind, _ := state["type"].(string)
	return kind != "" && !runsAtOnce(kind)
}

// means says whether a process message is for this service.
func (s *service) means(h message.Header) bool {
	return h.ServiceID == s.config.TaskID && h.Transaction == s.config.Transaction &&
		(h.ServiceName == s.config.ServiceName || h.ServiceName == "all")
}
