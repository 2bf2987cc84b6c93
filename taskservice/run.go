package taskservice

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"zmicroservices/taskservice/bus"
	"zmicroservices/taskservice/keys"
	"zmicroservices/taskservice/message"
	"zmicroservices/taskservice/zmtp/curve"
)

const (
	// joinTime is how long the bus may take to be there.
	joinTime = 30 * time.Second
	// drainTime is how long the last words may take to leave.
	drainTime = 5 * time.Second
	// defaultStopTime is how long a task may take to return when asked to stop.
	defaultStopTime = 5 * time.Second
)

// Option changes how Run runs a service.
type Option func(*options)

type options struct {
	log      *slog.Logger
	version  string
	stopTime time.Duration
	joinTime time.Duration
}

// WithLogger sets the logger of the service and of its Session; without it
// both are silent.
func WithLogger(log *slog.Logger) Option { return func(o *options) { o.log = log } }

// WithStopTime sets how long a task may take to return when asked to stop; 5 s
// without it.
func WithStopTime(d time.Duration) Option { return func(o *options) { o.stopTime = d } }

// WithJoinTime sets how long joining the bus may take; 30 s without it.
func WithJoinTime(d time.Duration) Option { return func(o *options) { o.joinTime = d } }

// WithVersion says which version of its program a service is, for its agent and its life
// cycle events; without it that is what the program was built from. A <version> in the
// configuration goes before both.
func WithVersion(version string) Option { return func(o *options) { o.version = version } }

// Run is one task service from birth to its last word, as the package
// describes. It returns when the bus is drained: nil after stopped, else the
// reason why the service failed. When ctx ends the task is asked to stop.
//
// Main is Run for a process of its own; several may run in one process.
func Run(ctx context.Context, c Config, f Factory, opts ...Option) (err error) {
	o := options{log: slog.New(slog.DiscardHandler), stopTime: defaultStopTime, joinTime: joinTime}
	for _, opt := range opts {
		opt(&o)
	}
	if err := c.validate(); err != nil {
		return err
	}
	c.Version = cmp.Or(c.Version, o.version)
	w, err := newWatched(c, o.log)
	if err != nil {
		return err
	}
	log := w.log.With("task", c.TaskID, "transaction", c.Transaction)
	var credentials *curve.Credentials
	if c.Curve != "" {
		if credentials, err = keys.LoadCredentials(c.Curve); err != nil {
			return err
		}
	}

	joining, cancel := context.WithTimeout(ctx, o.joinTime)
	b, err := bus.Dial(joining, bus.Options{
		Frontend: c.Frontend,
		Backend:  c.Backend,
		Topics:   append([]string{message.TopicProcess}, w.listens()...),
		Logger:   log,
		Curve:    credentials,
	})
	cancel()
	if err != nil {
		if ctx.Err() != nil {
			return nil // asked to stop before anything was said
		}
		return err
	}
	defer func() {
		draining, cancel := context.WithTimeout(context.Background(), drainTime)
		defer cancel()
		err = errors.Join(err, b.Close(draining))
	}()
	return live(ctx, c, f, o, b, w, log)
}

// live is Run on a bus that is there.
func live(ctx context.Context, c Config, f Factory, o options, b line, w *watched, log *slog.Logger) error {
	life, cancel := context.WithCancel(context.Background())
	defer cancel()
	c.Log = log
	s := &service{
		config:   c,
		factory:  f,
		log:      log,
		stopTime: o.stopTime,
		session:  &Session{Log: log, config: c, bus: b, life: life},
		watched:  w,
	}
	w.join(life, b, s.session)
	defer w.leave()
	orders := make(chan message.Header) // sent by listen, never closed
	go s.listen(life, b, orders)        // ends with life
	return s.run(ctx, b, orders)
}

func (c Config) validate() error {
	for _, field := range []struct{ name, value string }{
		{"TaskID", c.TaskID}, {"Transaction", c.Transaction}, {"ServiceName", c.ServiceName},
		{"Frontend", c.Frontend}, {"Backend", c.Backend},
	} {
		if field.value == "" {
			return fmt.Errorf("configuration of the task service has no %s", field.name)
		}
	}
	return nil
}
