package watchdog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"zmicroservices/taskservice/hippodamia"
	"zmicroservices/taskservice/message"
)

// Bus is what a watchdog needs of the world; a *bus.Bus is one. Frames are
// "topic @@@ {JSON}". It may have a Connected() bool as well: while that is false nobody
// is taken to be silent.
type Bus interface {
	// Subscribe adds a prefix of topics, and returns when it has taken effect.
	Subscribe(ctx context.Context, prefix string) error
	// Receive is the next frame, which belongs to the caller.
	Receive(ctx context.Context) ([]byte, error)
	// Publish queues a frame, which from then on belongs to the bus.
	Publish(ctx context.Context, frame []byte) error
}

// Options are what a Watchdog is made of. Bus, Store and Logger are required; the zero
// value of any other field stands for its default.
type Options struct {
	Bus    Bus
	Store  Store // which the Watchdog runs and closes
	Logger *slog.Logger

	Topics        hippodamia.Topics
	Rules         Rules          // DefaultRules
	Sender        message.Header // in whose name notices are given: service_id, service_name, transaction
	Host          string         // the watchdog's own, and
	ConfigID      string         // its own: of the same transaction's task services notices name the task_id; "": it is no task service
	Alive         time.Duration  // at which life cycle events are said; 1 h. Below 0: they are not listened to
	RetentionAge  time.Duration  // what is older is removed; 30 days. Below 0: nothing is
	RetentionRows int            // messages, and changes, that stay at most; 1,000,000. Below 0: all
	RetentionSize int64          // bytes that messages may take; 4 GB. Below 0: any number
	Most          int            // microservices that are observed; 100,000
}

func (o Options) withDefaults() Options {
	if o.Rules.Interval == 0 {
		types := o.Rules.Types
		o.Rules = DefaultRules()
		o.Rules.Types = types
	}
	if o.Sender.ServiceName == "" {
		o.Sender.ServiceName = "watchdog"
	}
	if o.Sender.ServiceID == "" {
		o.Sender.ServiceID = "watchdog"
	}
	if o.Alive == 0 {
		o.Alive = time.Hour
	}
	if o.RetentionAge == 0 {
		o.RetentionAge = 30 * 24 * time.Hour
	}
	if o.RetentionRows == 0 {
		o.RetentionRows = 1_000_000
	}
	if o.RetentionSize == 0 {
		o.RetentionSize = 4e9
	}
	if o.Most == 0 {
		o.Most = 100_000
	}
	return o
}

func (o Options) validate() error {
	switch {
	case o.Bus == nil:
		return errors.New("watchdog options: no Bus")
	case o.Store == nil:
		return errors.New("watchdog options: no Store")
	case o.Logger == nil:
		return errors.New("watchdog options: no Logger")
	}
	return o.Rules.validate()
}

func (r Rules) validate() error {
	errs := []error{r.Rule.validate()}
	for kind, own := range r.Types {
		if err := own.validate(); err != nil {
			errs = append(errs, fmt.Errorf("type %s: %w", kind, err))
		}
	}
	return errors.Join(errs...)
}
