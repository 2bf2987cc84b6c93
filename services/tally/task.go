package tally

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"zmicroservices/services/gap"
	"zmicroservices/taskservice"
	"zmicroservices/taskservice/bus"
	"zmicroservices/taskservice/keys"
	"zmicroservices/taskservice/message"
)

// settings are the <configuration>.
type settings struct {
	component string
	prefix    string
	address   string
	port      int
	horizon   time.Duration
}

// settingsOf reads them. All mistakes are told at once. The horizon that is not said
// follows from how often the services of the provider say that they are alive.
func settingsOf(c taskservice.Config) (settings, error) {
	s := settings{component: c.String("component"), prefix: c.String("prefix"), address: c.String("address")}
	if s.address == "" {
		s.address = DefaultAddress
	}
	var wrongPort, wrongHorizon error
	s.port, wrongPort = c.Int("port", DefaultPort)
	s.horizon, wrongHorizon = c.Duration("horizon", gap.HorizonOf(c.Watch.Alive))
	o := Options{Component: s.component, Prefix: s.prefix, Horizon: s.horizon}
	return s, errors.Join(wrongPort, wrongHorizon, o.validate(), CheckAddress(s.address, s.port))
}

// New is the factory of the task. Its page is bound before the task is said to be
// started, so that a port that is taken is a failed start.
func New(c taskservice.Config) (taskservice.Task, error) {
	s, err := settingsOf(c)
	if err != nil {
		return nil, err
	}
	page, err := Listen(s.address, s.port)
	if err != nil {
		return nil, err
	}
	return &task{s, page}, nil
}

// task is the task service.
type task struct {
	settings settings
	page     *Page
}

// Run implements taskservice.Task. It has a connection of its own to the bus, which
// makes the forwarder queue when many nodes speak at once; the inbox of a Session would
// lose some.
func (k *task) Run(ctx context.Context, s *taskservice.Session) (err error) {
	defer k.page.Close()
	c := s.Config()
	o := Options{Component: k.settings.component, Prefix: k.settings.prefix, Horizon: k.settings.horizon, Logger: s.Log}
	if !c.Watch.Original { // the original knew no such notice
		o.Say = func(n gap.Notice) error { return tell(s, n, k.settings.horizon) }
	}
	t, err := NewTally(o)
	if err != nil {
		return err
	}
	to := bus.Options{Frontend: c.Frontend, Topics: t.Topics(), Logger: s.Log}
	if c.Curve != "" {
		if to.Curve, err = keys.LoadCredentials(c.Curve); err != nil {
			return err
		}
	}
	b, err := bus.Dial(ctx, to)
	if err != nil {
		return err
	}
	defer b.Close(context.WithoutCancel(ctx)) // nothing to drain: it only listens
	if Beyond(k.settings.address) {
		s.Log.Warn("metrics can be read from other machines, by anybody", "url", k.page.URL())
	}
	s.Log.Info("events are counted", "component", orAll(k.settings.component), "url", k.page.URL(), "horizon", k.settings.horizon)
	return t.Serve(ctx, b, k.page)
}

// tell says a notice in the name of the task service.
func tell(s *taskservice.Session, n gap.Notice, horizon time.Duration) error {
	c := s.Config()
	frame, err := n.Control(message.Header{ServiceID: c.TaskID, ServiceName: c.ServiceName, Transaction: c.Transaction}, horizon).Frame()
	if err != nil {
		return fmt.Errorf("say notice: %w", err)
	}
	return s.PublishFrame(frame)
}

func orAll(component string) string {
	if component == "" {
		return all
	}
	return component
}

// Serve counts what comes, and serves its page, until ctx ends, which is no error.
func (t *Tally) Serve(ctx context.Context, from Source, p *Page) error {
	ctx, cancel := context.WithCancel(ctx)
	var serving sync.WaitGroup
	var served error
	serving.Go(func() { // ends with ctx, or with the listener
		defer cancel()
		served = p.Run(ctx, t.Handler())
	})
	err := t.Run(ctx, from)
	cancel()
	serving.Wait()
	return errors.Join(err, served)
}
