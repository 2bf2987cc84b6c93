package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"zmicroservices/services/watchdog"
	"zmicroservices/services/watchdog/database"
	"zmicroservices/services/watchdog/hub"
	"zmicroservices/services/watchdog/mqtt"
	"zmicroservices/taskservice"
	"zmicroservices/taskservice/bus"
	"zmicroservices/tools/internal/access"
	"zmicroservices/tools/internal/exit"
)

// run is the watchdog's life: everything is checked before anything is joined, and joined
// before anything is said.
func (o *options) run(ctx context.Context, stderr io.Writer, args []string) error {
	log, err := o.log.Logger(stderr)
	if err != nil {
		return err
	}
	s, err := watchdog.ParseSettings(taskservice.Config{Values: given[any](o.settings)}, os.Getenv)
	broker, fault := mqtt.ParseSettings(given[string](o.mqtt))
	if err := errors.Join(err, fault); err != nil {
		return err
	}
	frontend, backend, err := o.ends(args)
	switch {
	case err != nil:
		return err
	case frontend == "" && broker == nil:
		return errors.New("nobody to watch: name a Context file, --frontend and --backend, or --mqtt")
	}
	w := world{log: log, settings: s, broker: broker, frontend: frontend, backend: backend, who: o.Proof, wait: o.wait}
	err = w.watch(ctx)
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return nil // told to end before it had begun
	}
	return err
}

// given are the flags that were.
func given[V any](all map[string]*string) map[string]V {
	some := map[string]V{}
	for name, value := range all {
		if *value != "" {
			some[name], _ = any(*value).(V) //nolint:errcheck // V is string or any
		}
	}
	return some
}

// ends are the bus's, "" for none. An address that is named counts more than a file, and
// a file that is named more than the environment's.
func (o *options) ends(args []string) (frontend, backend string, err error) {
	path := o.contextFile
	switch {
	case path != "" && len(args) > 0:
		return "", "", fmt.Errorf("one Context file, not both --context_file %s and %s", path, args[0])
	case len(args) > 0:
		path = args[0]
	case path == "" && (o.frontend == "" || o.backend == ""):
		path = os.Getenv("ZMS_CONTEXT")
	}
	if path != "" {
		if frontend, backend, err = access.Ends(path); err != nil {
			return "", "", err
		}
	}
	if o.frontend != "" {
		frontend = o.frontend
	}
	if o.backend != "" {
		backend = o.backend
	}
	if (frontend == "") != (backend == "") {
		return "", "", errors.New("--frontend and --backend belong together: a watchdog hears and speaks")
	}
	return frontend, backend, nil
}

// world is what a watchdog runs in.
type world struct {
	log               *slog.Logger
	settings          watchdog.Settings
	broker            *mqtt.Broker // nil: none
	frontend, backend string       // "": no bus but our own
	who               access.Proof
	wait              bool
}

// room is how many messages may wait for us: all agents may answer at once.
const room = 65536

// openTime is how long a database may take to be there.
const openTime = 10 * time.Second

func (w world) watch(ctx context.Context) error {
	if w.broker != nil && !w.wait {
		if err := w.knock(ctx); err != nil {
			return err
		}
	}
	var ours, gateways watchdog.Bus // one each: who receives takes it from the other
	if w.frontend == "" {
		h := hub.New()
		ours, gateways = h.Join(), h.Join()
	} else {
		b, err := w.join(ctx)
		if err != nil {
			return err
		}
		defer leave(b)
		ours = b
		if w.broker != nil {
			b, err := w.join(ctx)
			if err != nil {
				return err
			}
			defer leave(b)
			gateways = b
		}
	}
	var gateway *mqtt.Gateway
	if w.broker != nil {
		var err error
		gateway, err = mqtt.New(mqtt.Options{Broker: *w.broker, Bus: gateways, Topics: w.settings.Topics, Logger: w.log})
		if err != nil {
			return err
		}
		if w.frontend == "" {
			ours = overBroker{ours, gateway}
		}
	}
	opening, cancel := context.WithTimeout(ctx, openTime)
	defer cancel()
	store, err := database.Open(opening, w.settings.Database, w.log)
	if err != nil {
		return exit.Failed("open database: %w", err)
	}
	dog, err := watchdog.New(watchdog.Options{
		Bus: ours, Store: store, Logger: w.log, Topics: w.settings.Topics, Rules: w.settings.Rules, Alive: w.settings.Alive,
		RetentionAge: w.settings.RetentionAge, RetentionRows: w.settings.RetentionRows, RetentionSize: w.settings.RetentionSize,
	})
	if err != nil {
		return errors.Join(err, store.Close(ctx))
	}
	if gateway == nil {
		return told(dog.Run(ctx))
	}
	if err := gateway.Attach(ctx); err != nil {
		return errors.Join(exit.Failed("%w", err), store.Close(ctx))
	}
	return w.watchBeside(ctx, dog, gateway)
}

// overBroker is a bus whose only way out is the broker: while that is away nobody can be
// heard, and nobody is taken to be silent.
type overBroker struct {
	watchdog.Bus
	gateway *mqtt.Gateway
}

// Connected is what a watchdog looks for in its bus.
func (b overBroker) Connected() bool { return b.gateway.Figures().Connected }

// watchBeside runs both, and ends them if the broker cannot be joined at first. From
// then on a broker that goes away is waited for.
func (w world) watchBeside(ctx context.Context, dog *watchdog.Watchdog, gateway *mqtt.Gateway) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	joined := make(chan error, 1) // sent by the goroutine below, its one result
	go func() {                   // ends when the broker is joined, or is not, or ctx ends
		joining := ctx
		if !w.wait {
			var stop context.CancelFunc
			joining, stop = context.WithTimeout(ctx, access.JoinTime)
			defer stop()
		}
		err := gateway.Join(joining)
		if err != nil {
			cancel()
		}
		joined <- err
	}()
	err := dog.RunWith(ctx, gateway.Run)
	cancel()
	switch fault := <-joined; {
	case err != nil:
		return told(err)
	case errors.Is(fault, mqtt.ErrRefused):
		return exit.Failed("%w", fault)
	case errors.Is(fault, context.DeadlineExceeded):
		return exit.Nobody("%w", fault)
	}
	return nil
}

// knock tells at once when there is no broker.
func (w world) knock(ctx context.Context) error {
	address, err := w.broker.Address()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, access.JoinTime)
	defer cancel()
	if err := access.Knock(ctx, "tcp://"+address); err != nil {
		return fmt.Errorf("%w (is the broker running? --wait waits for it)", err)
	}
	return nil
}

func (w world) join(ctx context.Context) (*bus.Bus, error) {
	return access.Join(ctx, w.who, w.frontend, w.backend, room)
}

// lastWords bounds the wait until what was published has been read.
const lastWords = 2 * time.Second

func leave(b *bus.Bus) {
	ctx, cancel := context.WithTimeout(context.Background(), lastWords)
	defer cancel()
	_ = b.Close(ctx) // a bus that is gone reads nothing more; the database has it all
}

// told is how a watchdog ended: every error of its own is a failure.
func told(err error) error {
	if err != nil {
		return exit.Failed("%w", err)
	}
	return nil
}
