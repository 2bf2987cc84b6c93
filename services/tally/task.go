package tally

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
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

// elements are those that mean something here; the last ones are of every task.
var elements = []string{
	"component", "prefix", "address", "port", "horizon",
	"device_action", "location", "entry_action", "version",
}

// strangers are elements that mean nothing: a word that was written wrong, as a rule.
func strangers(c taskservice.Config) []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(c.Values)), func(name string) bool { return slices.Contains(elements, name) })
}

// joinTime bounds the joining of a bus that has let the task service in already.
const joinTime = 10 * time.Second

// New is the factory of the task. Its page is bound and the bus joined before the task is
// said to be started: a port that is taken is a failed start, and who depends on the task
// is counted from its first event on.
//
// The connection is one of its own. It makes the forwarder queue when many nodes speak at
// once, where the inbox of a Session would lose some.
func New(c taskservice.Config) (taskservice.Task, error) {
	s, err := settingsOf(c)
	if err != nil {
		return nil, err
	}
	o := bus.Options{Frontend: c.Frontend, Topics: Topics(!c.Watch.Original), Logger: slog.Default()}
	if c.Curve != "" {
		if o.Curve, err = keys.LoadCredentials(c.Curve); err != nil {
			return nil, err
		}
	}
	page, err := Listen(s.address, s.port)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), joinTime)
	defer cancel()
	b, err := bus.Dial(ctx, o)
	if err != nil {
		return nil, errors.Join(err, page.Close())
	}
	return &task{s, page, b}, nil
}

// task is the task service.
type task struct {
	settings settings
	page     *Page
	bus      *bus.Bus
}

// Run implements taskservice.Task.
func (k *task) Run(ctx context.Context, s *taskservice.Session) error {
	defer k.bus.Close(context.WithoutCancel(ctx)) // nothing to drain: it only listens
	defer k.page.Close()
	for _, name := range strangers(s.Config()) {
		s.Log.Warn("configuration without effect", "element", name, "known", strings.Join(elements, " "))
	}
	o := Options{Component: k.settings.component, Prefix: k.settings.prefix, Horizon: k.settings.horizon, Logger: s.Log}
	if !s.Config().Watch.Original { // the original knew no such notice
		o.Say = func(n gap.Notice) error { return tell(s, n, k.settings.horizon) }
	}
	t, err := NewTally(o)
	if err != nil {
		return err
	}
	if Beyond(k.settings.address) {
		s.Log.Warn("metrics can be read from other machines, by anybody", "url", k.page.URL())
	}
	s.Log.Info("events are counted", "component", orAll(k.settings.component), "url", k.page.URL(), "horizon", k.settings.horizon)
	return t.Serve(ctx, k.bus, k.page)
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
