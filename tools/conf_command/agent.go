package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"zmicroservices/taskservice/agent"
	"zmicroservices/taskservice/hippodamia"
)

// speaking are the options of agent.
type speaking struct {
	observing
	name, kind, host, configID, version string
	pid                                 int
	interval                            time.Duration
}

func newAgent(w world) *cobra.Command {
	var o speaking
	cmd := &cobra.Command{
		Use:   "agent --name NAME --type TYPE --pid PID CONTEXT.xml",
		Short: "Have any process watched by the watchdog",
		Long: `Be the agent of a process that knows nothing of a bus: have it onboarded by the
watchdog, say regularly that it lives and what it takes, answer commands, and say
goodbye when it ends, with the reason. Then this ends, too, with exit code 0. When it
is interrupted it says that the agent was stopped; when it dies, its last will is said.

Type, name, host and configuration id make the gid: the same each time.`,
		Example: `  conf_command agent --name pump --type modbus --pid 4711 conf/Context-Plant.xml
  conf_command agent --name db --type postgres --pid "$(head -1 /var/lib/postgresql/15/main/postmaster.pid)" \
    --endpoint tcp://10.0.0.5:6557 --listen_endpoint tcp://10.0.0.5:6556 --interval 30s`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return runAgent(cmd.Context(), w, o, args) },
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&o.name, "name", "", "name of the microservice")
	f.StringVar(&o.kind, "type", "", "what kind of microservice it is")
	f.IntVar(&o.pid, "pid", 0, "the process")
	f.StringVar(&o.configID, "config_id", "", "which configuration it runs with: tells those of a name and host apart")
	f.StringVar(&o.version, "version", "", "its version")
	f.StringVar(&o.host, "host", agent.Host(), "where it runs")
	f.DurationVar(&o.interval, "interval", agent.DefaultPing, "between two signs of life")
	o.registerFile(f)
	f.StringVar(&o.endpoint, "endpoint", "", "publish here (default: the file's BackendEndpoint)")
	f.StringVar(&o.listen, "listen_endpoint", "", "hear commands here (default: the file's FrontEndEndpoint)")
	o.Proof.Register(f)
	o.registerPrefix(f)
	o.output = "table" // it has none
	cmd.ValidArgsFunction = completeFile
	// The only error of this is a flag that does not exist.
	if err := cmd.MarkFlagFilename("context_file", "xml"); err != nil {
		panic(err)
	}
	return cmd
}

// shortestInterval keeps a slip of the pen (--interval 1) from being a load.
const shortestInterval = 10 * time.Millisecond

func (o speaking) check() error {
	switch {
	case o.name == "" || o.kind == "":
		return errors.New("--name and --type are needed: by them it is known")
	case o.pid <= 0:
		return errors.New("--pid is needed: the number of the process to speak for")
	case o.interval < shortestInterval:
		return fmt.Errorf("--interval %s is below %s", o.interval, shortestInterval)
	}
	return nil
}

func runAgent(ctx context.Context, w world, o speaking, args []string) error {
	if err := o.check(); err != nil {
		return err
	}
	to, topics, _, err := o.where(args)
	if err != nil {
		return err
	}
	p, err := agent.NewProcess(o.pid)
	if err != nil {
		return failed("%w", err)
	}
	b, err := o.join(ctx, w, to, topics)
	if err != nil {
		return err
	}
	defer b.leave()
	who := agent.Options{
		Type: o.kind, Name: o.name, Host: o.host, ConfigID: o.configID, Version: o.version,
		Topics: topics, Ping: o.interval, Config: func() map[string]any { return runs(o.pid) },
	}
	// Another watchdog than ours may give another gid; then services shows it.
	gid := hippodamia.GID(hippodamia.OnboardingRequest{Type: o.kind, Name: o.name, Host: o.host, ConfigID: o.configID})
	log := slog.New(slog.NewTextHandler(w.err, &slog.HandlerOptions{Level: slog.LevelWarn}))
	err = agent.Run(ctx, b.bus, p, who, log, func(s agent.State) {
		if s == agent.Active || s == agent.Onboarding {
			fmt.Fprintf(w.err, "%s (process %d, gid %s): %s\n", clean(o.name), o.pid, gid, s)
		}
	})
	switch {
	case errors.Is(err, agent.ErrGone):
		fmt.Fprintf(w.err, "%s: process %d is gone\n", clean(o.name), o.pid)
		return nil
	case err != nil:
		return failed("%w", err)
	}
	fmt.Fprintf(w.err, "%s: agent stopped\n", clean(o.name))
	return nil
}

// runs is what a process runs, as far as we may see it. Not its arguments: they may
// be secret.
func runs(pid int) map[string]any {
	c := map[string]any{"pid": pid}
	for key, link := range map[string]string{"executable": "exe", "directory": "cwd"} {
		if path, err := os.Readlink("/proc/" + strconv.Itoa(pid) + "/" + link); err == nil {
			c[key] = path
		}
	}
	return c
}
