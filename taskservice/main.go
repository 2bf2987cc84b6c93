package taskservice

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
)

// Exit codes of a task service.
const (
	exitStopped = 0
	exitFailed  = 1
	exitUsage   = 2
)

// Main runs the task service of this process and exits: 0 after stopped, 1
// after a failure, 2 when the environment is not that of a task service. The
// name has to be the <service_name> of the Context file, as messages go by it;
// an empty one is whatever the file says.
func Main(serviceName string, f Factory, opts ...Option) {
	os.Exit(process(serviceName, f, os.Args[1:], os.Environ(), os.Stdout, os.Stderr, opts...))
}

// process is Main with what it takes from its process as arguments.
func process(serviceName string, f Factory, args, environ []string, stdout, stderr io.Writer, more ...Option) int {
	name := cmp.Or(serviceName, "task service")
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	stopTime := flags.Duration("stop_timeout", defaultStopTime, "")
	level := slog.LevelInfo
	flags.TextVar(&level, "log_level", level, "")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(stdout, help(name))
		return exitStopped
	case err != nil:
		fmt.Fprintf(stderr, "%s: %v; --help says more\n", name, err)
		return exitUsage
	case flags.NArg() > 0:
		fmt.Fprintf(stderr, "%s: unexpected argument %q; --help says more\n", name, flags.Arg(0))
		return exitUsage
	}
	if !supervised(environ) {
		fmt.Fprint(stderr, help(name))
		return exitUsage
	}
	c, err := FromEnv(environ)
	if err != nil {
		fmt.Fprintf(stderr, "%s: %s\n", name, oneLine(err))
		return exitUsage
	}
	f = named(serviceName, &c, f)
	log := slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: level}))
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer cancel()
	context.AfterFunc(ctx, cancel) // a second signal ends the process at once
	if err := Run(ctx, c, f, append([]Option{WithLogger(log), WithStopTime(*stopTime)}, more...)...); err != nil {
		fmt.Fprintf(stderr, "%s: %s\n", name, oneLine(err))
		return exitFailed
	}
	return exitStopped
}

// named makes a service that the file calls by another name fail its start,
// with the two names as the reason: it would not hear what is meant for it.
func named(compiled string, c *Config, f Factory) Factory {
	if c.ServiceName == "" {
		c.ServiceName = compiled
	}
	if c.ServiceName == compiled || compiled == "" {
		return f
	}
	return func(c Config) (Task, error) {
		return nil, fmt.Errorf("this program is the service %q, the Context file calls it %q", compiled, c.ServiceName)
	}
}

// supervised says whether a provider has started this process, or someone who
// wants it to look so.
func supervised(environ []string) bool {
	return slices.ContainsFunc(environ, func(entry string) bool {
		key, _, _ := strings.Cut(entry, "=")
		return slices.Contains(envOfATask, key)
	})
}

// oneLine joins the lines of an error, as a log has one line for it.
func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }

func help(name string) string {
	return fmt.Sprintf(`%[1]s: a program that a context starts, watches and stops as a task service.

Name it in a Context file and start that context:

    <TaskService id="ts001" topic="process" instance="..." serviceType="Process">
      ... <service_name>%[1]s</service_name> ...
    </TaskService>

    service_context --start CONTEXT.xml

To run it by hand beside a running context, give it the environment that the
context would have given it:

    ZMS_SERVICE_ID=ts001                    the id of its TaskService element
    ZMS_TRANSACTION=...                     the transaction it belongs to
    ZMS_FRONTEND=tcp://127.0.0.1:6556       the file's FrontEndEndpoint
    ZMS_BACKEND=tcp://127.0.0.1:6557        the file's BackendEndpoint
    ZMS_CONFIG='{"Task": ...}'              its TaskService element as JSON
    ZMS_CONTEXT_ID, ZMS_TASK, ZMS_STATE_DIR, ZMS_CURVE (optional)
    ZMS_CONFIG_ID, ZMS_PING_INTERVAL=60s, ZMS_ALIVE_INTERVAL=1h, ZMS_WATCH_PREFIX=hippodamia,
    ZMS_WIRE=original       what a watchdog and life cycle events say of it (optional)

Flags:

    --stop_timeout D   how long the task may take to return when stopped (5s)
    --log_level L      debug, info, warn or error (info)
    --help             this text

It exits with 0 when stopped, 1 when failed, 2 when its environment is wrong.
`, name)
}
