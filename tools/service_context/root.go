package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"zmicroservices/conf"
	"zmicroservices/context/event"
	"zmicroservices/context/keeper"
	"zmicroservices/context/provider"
	"zmicroservices/context/web"
	"zmicroservices/taskservice/hippodamia"
	"zmicroservices/tools/internal/flags"
)

// options are what the flags say.
type options struct {
	start           string
	stateDir        string
	runtimeDir      string
	servicesPath    []string
	bindAll         bool
	insecure        bool
	curve           string
	plain           string
	allowCommands   bool
	pingInterval    time.Duration
	aliveInterval   time.Duration
	watchPrefix     string
	monitorInterval time.Duration
	http            string
	linger          string
	journalRows     int
	journalAge      time.Duration
	logTransactions int
	wire            string
	log             flags.Log
	init            bool
}

// startNew is the value of a bare --start. No transaction of ours is called so.
const startNew = "new"

func newRoot() *cobra.Command {
	var f options
	root := &cobra.Command{
		Use:   "service_context [flags] CONTEXT.xml",
		Short: "Run a context: its bus and its task services",
		Long: `service_context runs the context that an XML file describes: it binds the bus
(FrontBind for publishers, BackendBind for subscribers), starts and watches the
task services when it is told to, and follows their on_start, on_update, on_fail
and on_exit transitions. It ends with every service stopped, in order, at
"conf_command exit", SIGINT or SIGTERM; a second signal kills what is left.`,
		Example: `  # run a context and start its services at once; the first line is the transaction
  service_context --start conf/Context-StateMachine.xml

  # only the provider; services are started by command
  service_context conf/Context-EchoAction.xml
  conf_command start conf/Context-EchoAction.xml

  # metrics for Prometheus, and health: http://127.0.0.1:9090/metrics, /healthz, /readyz
  service_context --start --http 127.0.0.1:9090 conf/Context-EchoAction.xml

  # a bus that other machines may use, by keys: CURVE on every tcp endpoint
  conf_command keygen /etc/zms/keys
  conf_command keygen /etc/zms/keys --name desk --role operate
  service_context --bind_all --curve /etc/zms/keys conf/Context-EchoAction.xml

  # one that everybody may use: said in so many words
  service_context --bind_all --insecure conf/Context-EchoAction.xml`,
		Args:          exactlyOneFile,
		Version:       version,
		SilenceErrors: true,
		SilenceUsage:  true,
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return []string{"xml"}, cobra.ShellCompDirectiveFilterFileExt
		},
		RunE: func(cmd *cobra.Command, args []string) error { return run(cmd, f, args[0]) },
	}
	p := root.Flags()
	p.StringVar(&f.start, "start", "", "start the file's services at once, as `TRANSACTION`; new: an identifier of its own, printed first")
	p.Lookup("start").NoOptDefVal = startNew
	p.StringVar(&f.stateDir, "state_dir", "", "`directory` for logs and state of this context (default under /var/lib or $XDG_STATE_HOME)")
	p.StringVar(&f.runtimeDir, "runtime_dir", "", "`directory` for sockets and FIFOs (default /run/zmicroservices or $XDG_RUNTIME_DIR/zmicroservices)")
	p.StringArrayVar(&f.servicesPath, "services_path", nil, "`directory` under which a message may start task services; repeatable (default every location in the file)")
	p.BoolVar(&f.bindAll, "bind_all", false, "bind tcp://* on every interface, not on loopback only")
	p.BoolVar(&f.insecure, "insecure", false, "allow an address beyond loopback although nothing authenticates its peers")
	p.StringVar(&f.curve, "curve", "", "`directory` of keys, as conf_command keygen makes it: tcp endpoints speak CURVE, and who has no key there is refused")
	p.StringVar(&f.plain, "plain", "", "`file` of users, NAME:HASH:ROLE:SERVICES a line: tcp endpoints speak PLAIN, which encrypts nothing")
	p.BoolVar(&f.allowCommands, "allow_commands", false, "let messages bring a <command> of their own")
	p.DurationVar(&f.monitorInterval, "monitor_interval", conf.DefaultMonitorInterval, "`time` between reports of what each transaction costs, in place of the file's; 0 is off")
	p.DurationVar(&f.pingInterval, "ping_interval", provider.DefaultPing, "`time` between pings of the agents that the watchdog knows task services by")
	p.DurationVar(&f.aliveInterval, "alive_interval", provider.DefaultAlive, "`time` between alive events of a task service")
	p.StringVar(&f.watchPrefix, "watch_prefix", "hippodamia", "`prefix` of the watchdog's topics, words with dots between")
	p.StringVar(&f.http, "http", "", "serve /metrics, /healthz, /readyz and /api/top at `HOST:PORT`; port 0 is any free one")
	p.StringVar(&f.linger, "linger", "60s", "how long services outlive a provider that died: a `duration`, or forever")
	p.IntVar(&f.journalRows, "journal_rows", 1_000_000, "rows of the journal that stay, the newest")
	p.DurationVar(&f.journalAge, "journal_age", 30*24*time.Hour, "how old rows of the journal get")
	p.IntVar(&f.logTransactions, "log_transactions", 1000, "transactions that are over whose output stays on the disk, the newest")
	p.StringVar(&f.wire, "wire", "", "`original`: nothing on the bus that the original did not send, but for command results")
	f.log.Register(root)
	p.BoolVar(&f.init, "init", false, "keeper first, the provider under it: for containers and service managers")
	completeFlags(root)
	root.SetGlobalNormalizationFunc(flags.Underscores)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return &usageError{flags.Hint(cmd, err)} })
	return root
}

func exactlyOneFile(cmd *cobra.Command, args []string) error {
	switch len(args) {
	case 0:
		return &usageError{errors.New("no Context file: service_context [flags] CONTEXT.xml (see --help)")}
	case 1:
		return nil
	default:
		hint := ""
		if cmd.Flags().Changed("start") {
			hint = "; a transaction is named with =, as in --start=" + args[0]
		}
		return &usageError{fmt.Errorf("one Context file is run at a time, %d were named: %q%s", len(args), args, hint)}
	}
}

func run(cmd *cobra.Command, f options, path string) error {
	if err := f.check(cmd); err != nil {
		return &usageError{err}
	}
	log, err := f.log.Logger(cmd.ErrOrStderr())
	if err != nil {
		return &usageError{err}
	}
	provider.Hasten()
	file, err := conf.Load(path)
	if err != nil {
		return &usageError{err}
	}
	file.Raw = nil // of the whole; each task service has its own, which is all that travels from here
	for _, w := range file.Warnings {
		log.Warn("context file warning", "place", w.Error())
	}
	if cmd.Flags().Changed("monitor_interval") {
		file.Monitor.Interval = f.monitorInterval
	}
	linger, err := keeper.ParseLinger(f.linger)
	if err != nil {
		return &usageError{fmt.Errorf("--linger: %w", err)}
	}
	o := provider.Options{
		Context: file, Logger: log, Version: version, StateDir: f.stateDir, RuntimeDir: f.runtimeDir, HTTP: f.http,
		BindAll: f.bindAll, Insecure: f.insecure, Curve: f.curve, Plain: f.plain, AllowCommands: f.allowCommands, ServicesPaths: f.servicesPath,
		Original: f.wire == "original", Bundled: isBundled, Linger: linger,
		PingInterval: f.pingInterval, AliveInterval: f.aliveInterval, WatchPrefix: f.watchPrefix,
		JournalRows: f.journalRows, JournalAge: f.journalAge, LogTransactions: f.logTransactions,
	}
	o.Argv, o.Upgraded = os.Args, provider.TakeUpgraded()
	if f.init {
		return standFirst(o, f.linger)
	}
	if cmd.Flags().Changed("start") {
		o.Start = true
		if f.start != startNew {
			o.Transaction = event.TransactionID(f.start)
		}
		o.Began = func(id event.TransactionID) { fmt.Fprintf(cmd.OutOrStdout(), "transaction %s\n", id) }
	}
	p, err := provider.New(o)
	if errors.Is(err, provider.ErrKeys) {
		return &usageError{err}
	}
	if err != nil {
		return err
	}
	ctx, stop := signals(p, log)
	defer stop()
	return p.Run(ctx)
}

// shortestInterval is how often an agent may ping: its watchdog keeps every ping.
const shortestInterval = 100 * time.Millisecond

// check refuses what this release would not do.
func (f *options) check(cmd *cobra.Command) error {
	if f.monitorInterval < 0 {
		return fmt.Errorf("--monitor_interval %v is negative", f.monitorInterval)
	}
	if err := conf.CheckMonitorInterval(f.monitorInterval); err != nil {
		return fmt.Errorf("--monitor_interval %v %w", f.monitorInterval, err)
	}
	for _, every := range []struct {
		flag string
		d    time.Duration
	}{{"ping_interval", f.pingInterval}, {"alive_interval", f.aliveInterval}} {
		if every.d < shortestInterval {
			return fmt.Errorf("--%s %v is too short: %v at least", every.flag, every.d, shortestInterval)
		}
	}
	if _, err := hippodamia.NewTopics(f.watchPrefix); err != nil {
		return fmt.Errorf("--watch_prefix: %w", err)
	}
	if f.http != "" {
		if err := web.CheckAddress(f.http, true); err != nil { // whether it may be open to others is the provider's to say
			return fmt.Errorf("--http: %w", err)
		}
	}
	if cmd.Flags().Changed("start") {
		if err := conf.CheckTransaction(f.start); err != nil {
			return fmt.Errorf("--start: %w", err)
		}
	}
	switch {
	case f.journalRows < 1:
		return fmt.Errorf("--journal_rows %d: at least 1 row stays", f.journalRows)
	case f.journalAge <= 0:
		return fmt.Errorf("--journal_age %v: it is to be above 0", f.journalAge)
	case f.logTransactions < 1:
		return fmt.Errorf("--log_transactions %d: at least 1 stays", f.logTransactions)
	}
	if f.curve != "" && f.plain != "" {
		return errors.New("--curve and --plain exclude each other: an endpoint speaks one of them")
	}
	if f.wire != "" && f.wire != "original" {
		return fmt.Errorf("--wire %q: the only value is original", f.wire)
	}
	return nil
}

// secondSignal is how long after the first a signal means impatience.
const secondSignal = time.Second

// signals gives a context that ends at the first SIGINT, SIGTERM or SIGHUP; the
// second leaves no time.
func signals(p *provider.Provider, log *slog.Logger) (context.Context, func()) {
	ctx, cancel := context.WithCancel(context.Background())
	c := make(chan os.Signal, 2) // sent by the runtime; two signals mean something
	signal.Notify(c, syscall.SIGINT, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) { // nohup(1) stays what it is
		signal.Notify(c, syscall.SIGHUP) // the terminal was closed: that is no crash
	}
	done := make(chan struct{})
	go func() { // ends with the returned function
		var first time.Time
		for {
			select {
			case s := <-c:
				if ctx.Err() != nil && time.Since(first) < secondSignal {
					continue // timeout(1) and some shells send one signal twice
				}
				if ctx.Err() != nil {
					log.Warn("second signal: everything is killed", "signal", s.String())
					p.Hurry()
					continue
				}
				log.Info("signal received: services are stopped in order", "signal", s.String())
				first = time.Now()
				cancel()
			case <-done:
				return
			}
		}
	}()
	return ctx, func() {
		signal.Stop(c)
		close(done)
		cancel()
	}
}
