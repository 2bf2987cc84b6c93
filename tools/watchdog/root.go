package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"zmicroservices/services/watchdog/mqtt"
	"zmicroservices/tools/internal/access"
	"zmicroservices/tools/internal/exit"
	"zmicroservices/tools/internal/flags"
	"zmicroservices/tools/internal/show"
)

// run is the program: arguments in, exit code out.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	root := newRoot(stderr)
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err != nil {
		fmt.Fprintf(stderr, "error: %s\n", show.Printable(strings.ReplaceAll(err.Error(), "\n", "; ")))
	}
	return exit.Code(err)
}

// options are the flags, as they were given.
type options struct {
	access.Proof
	contextFile string
	frontend    string
	backend     string
	wait        bool
	log         flags.Log
	settings    map[string]*string // of the watchdog, by the names of its <configuration>
	mqtt        map[string]*string // of the gateway, likewise
}

func newRoot(stderr io.Writer) *cobra.Command {
	o := options{settings: map[string]*string{}, mqtt: map[string]*string{}}
	root := &cobra.Command{
		Use:   "watchdog [flags] [CONTEXT.xml]",
		Short: "Onboard microservices, and watch that they go on talking",
		Long: `Onboard microservices, watch that they go on talking, and keep each state and each
message in a database: on the bus of a Context file or of --frontend and --backend, on
the MQTT broker of --mqtt, or on both, between which its topics are carried then.

It runs until it is interrupted. On a context's bus the task service Watchdog does the
same; this is for where there is no context, or another one.

Exit codes: 0 ended as it was told; 1 refused or failed; 2 usage, or a wrong or
unreadable file; 3 neither bus nor broker is there to be joined (--wait waits for it).`,
		Example: `  # agents on a broker alone
  watchdog --mqtt mqtt://broker

  # a broker that wants to know who comes: the password is in a file, or $` + mqtt.PasswordVariable + `
  watchdog --mqtt mqtts://broker --mqtt_ca ca.pem --mqtt_user dog --mqtt_password_file /etc/zms/mqtt.secret

  # agents on the bus of a context, seen on the broker as well
  watchdog conf/Context-EchoAction.xml --mqtt mqtt://127.0.0.1

  # a bus by its addresses, sooner alarms, a PostgreSQL database
  watchdog --frontend tcp://127.0.0.1:5556 --backend tcp://127.0.0.1:5557 --ping_interval 5s --database postgres:///watchdog`,
		Version:       version,
		SilenceErrors: true, // run prints them, once
		SilenceUsage:  true, // an error is easier to find without it
		Args:          cobra.MaximumNArgs(1),
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return []cobra.Completion{"xml"}, cobra.ShellCompDirectiveFilterFileExt
		},
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd.Context(), stderr, args) },
	}
	root.SetGlobalNormalizationFunc(flags.Underscores)
	root.SetFlagErrorFunc(flags.Hint)
	o.register(root)
	return root
}

// setting is a flag whose value goes where an element of <configuration> goes.
type setting struct{ name, usage string }

var settings = []setting{
	{"database", "`PATH` of a SQLite file, or postgres://… (default watchdog.db)"},
	{"prefix", "`words` that the topics begin with (default hippodamia)"},
	{"ping_interval", "at which agents ping: a `time` (default 60s)"},
	{"inactive_after", "silence until one is inactive: `intervals`, or a time (default 2.5)"},
	{"terminated_after", "silence until one is terminated: `intervals`, or a time (default 10)"},
	{"end_after", "from terminated to the end of its observation: a `time` (default 24h)"},
	{"alive_interval", "at which life cycle events are said: a `time`, -1s: they are not listened to (default 1h)"},
	{"retention_age", "what is older is removed: a `time`, -1s: nothing is (default 720h)"},
	{"retention_rows", "messages, and changes, that stay: a `number`, -1: all (default 1000000)"},
	{"retention_size", "what the messages that stay may take: a `size`, -1: any (default 4GB)"},
}

func (o *options) register(cmd *cobra.Command) {
	f := cmd.Flags()
	f.SortFlags = false // in the order in which people think of them
	for _, s := range mqtt.Settings() {
		o.mqtt[s.Name] = f.String(s.Name, "", s.Usage)
	}
	f.StringVar(&o.contextFile, "context_file", "", "Context `file` of the bus (also $ZMS_CONTEXT)")
	f.StringVar(&o.frontend, "frontend", "", "listen to the bus at this `endpoint` (default: the file's FrontEndEndpoint)")
	f.StringVar(&o.backend, "backend", "", "publish on the bus at this `endpoint` (default: the file's BackendEndpoint)")
	o.Proof.Register(f)
	for _, s := range settings {
		o.settings[s.name] = f.String(s.name, "", s.usage)
	}
	f.BoolVar(&o.wait, "wait", false, "wait for a broker that is not there yet")
	o.log.Register(cmd)
	words := func(flag string, of ...string) error {
		return cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(of, cobra.ShellCompDirectiveNoFileComp))
	}
	// The only error of these is a flag that does not exist.
	errs := []error{
		cmd.MarkFlagFilename("context_file", "xml"), cmd.MarkFlagFilename("database"),
		words("mqtt", "mqtt://", "mqtts://"), words("mqtt_qos", "0", "1", "2"),
	}
	for _, s := range mqtt.Settings() {
		if s.File {
			errs = append(errs, cmd.MarkFlagFilename(s.Name))
		}
	}
	values := []string{"frontend", "backend", "mqtt_user", "mqtt_client_id", "mqtt_keepalive"}
	for _, s := range settings {
		if s.name != "database" {
			values = append(values, s.name)
		}
	}
	for _, name := range values {
		errs = append(errs, words(name))
	}
	if err := errors.Join(errs...); err != nil {
		panic(err)
	}
}
