package watchdog

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"zmicroservices/services/watchdog/mqtt"
	"zmicroservices/taskservice"
	"zmicroservices/taskservice/agent"
	"zmicroservices/taskservice/message"
)

// OpenStore opens the database that is named in a configuration.
type OpenStore func(ctx context.Context, database string, logger *slog.Logger) (Store, error)

// openTime is how long a database may take to be there.
const openTime = 10 * time.Second

// Service is the factory of the task. Its database is opened before the task is said to
// be started, so that one that cannot be is a failed start.
func Service(open OpenStore) taskservice.Factory {
	return func(c taskservice.Config) (taskservice.Task, error) {
		if c.Watch.Original {
			return nil, errors.New("the bus is one of --wire original: what a watchdog says is not to be on it")
		}
		s, err := ParseSettings(c, os.Getenv, mqtt.Names()...)
		broker, fault := mqtt.FromConfig(c)
		if err = errors.Join(err, fault); err != nil {
			return nil, err
		}
		ctx, cancel := context.WithTimeout(context.Background(), openTime)
		defer cancel()
		store, err := open(ctx, s.Database, slog.Default())
		if err != nil {
			return nil, fmt.Errorf("open database: %w", err)
		}
		return &service{config: c, settings: s, broker: broker, store: store}, nil
	}
}

// service is the task.
type service struct {
	config   taskservice.Config
	settings Settings
	broker   *mqtt.Broker // nil: there is no gateway
	store    Store
}

// room is how many frames may wait: of agents that all answer at once, and more.
const room = 65536

// Run implements taskservice.Task.
func (s *service) Run(ctx context.Context, session *taskservice.Session) error {
	w, err := New(Options{
		Bus: session.Listen(room), Store: s.store, Logger: session.Log,
		Topics: s.settings.Topics, Rules: s.settings.Rules, Alive: s.settings.Alive,
		RetentionAge: s.settings.RetentionAge, RetentionRows: s.settings.RetentionRows, RetentionSize: s.settings.RetentionSize,
		Host: agent.Host(), ConfigID: cmp.Or(s.config.Watch.ConfigID, s.config.ContextID+"/"+s.config.TaskID),
		Sender: message.Header{ServiceID: s.config.TaskID, ServiceName: s.config.ServiceName, Transaction: s.config.Transaction},
	})
	if err != nil {
		return err
	}
	defer s.missed(session)
	if s.broker == nil {
		return w.Run(ctx)
	}
	gateway, err := mqtt.New(mqtt.Options{
		Broker: *s.broker, Bus: session.Listen(room), Topics: s.settings.Topics, Name: s.name(), Logger: session.Log,
	})
	if err == nil {
		err = gateway.Attach(ctx)
	}
	if err != nil {
		return errors.Join(err, s.store.Close(ctx))
	}
	return w.RunWith(ctx, gateway.Run)
}

// name is ours on a broker, where watchdogs of several contexts and hosts may meet.
func (s *service) name() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown" // a name in a status, no more
	}
	return host + "-" + s.config.ContextID
}

// missed says at the end what the queue had no room for.
func (s *service) missed(session *taskservice.Session) {
	if n := session.Missed(); n > 0 {
		session.Log.Warn("watchdog missed messages: it was behind", "messages", n)
	}
}
