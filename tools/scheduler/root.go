package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"zmicroservices/services/scheduler"
	"zmicroservices/services/scheduler/engine"
	"zmicroservices/tools/internal/exit"
	"zmicroservices/tools/internal/flags"
	"zmicroservices/tools/internal/show"
)

// run is the program: arguments in, exit code out.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err != nil {
		fmt.Fprintf(stderr, "error: %s\n", show.Printable(err.Error()))
	}
	return exit.Code(err)
}

// options are what the flags say.
type options struct {
	scheduler.Settings
	log flags.Log
}

func newRoot() *cobra.Command {
	var o options
	root := &cobra.Command{
		Use:   "scheduler [flags]",
		Short: "Keep hosts in touch: who is there, and where",
		Long: `scheduler synchronises with every known consumer once an interval (POST /sync),
learns from their answers who else there is, and sees who is available. It follows
the host's own address, and tells every known producer at once when it changes
(POST /ip). It answers both calls itself, and GET /peers says what it knows.

Several of one store are one host for their peers: one of them leads.

Exit codes: 0 ended by SIGINT or SIGTERM; 1 failed, a port in use too; 2 usage, or
a wrong or unreadable file.`,
		Example: `  # two on one machine; the second knows the first
  scheduler --listen 127.0.0.1:8091 --store /tmp/a.db --interval 2s
  scheduler --listen 127.0.0.1:8092 --store /tmp/b.db --interval 2s --peer 127.0.0.1:8091
  curl -s http://127.0.0.1:8091/peers

  # beyond one machine, with a secret that all share
  scheduler --listen 0.0.0.0:8090 --secret_file /etc/zms/secret --peer 10.0.0.2:8090

  # or with certificates of an authority of their own
  scheduler --listen 0.0.0.0:8090 --cert host.crt --key host.key --ca peers.crt --peer db1:8090

  # beside an API of another make that shares its Redis, as the original did
  scheduler --listen none --store redis://127.0.0.1:6379/0 --producer 10.0.5.1`,
		Args:          cobra.NoArgs,
		Version:       version,
		SilenceErrors: true, // run prints them, once
		SilenceUsage:  true,
		RunE:          func(cmd *cobra.Command, _ []string) error { return serve(cmd, o) },
	}
	p := root.Flags()
	p.DurationVar(&o.Interval, "interval", scheduler.DefaultInterval, "`time` between two rounds")
	p.DurationVar(&o.Jitter, "jitter", 0, "a round begins up to that `time` earlier; at most half the interval")
	p.DurationVar(&o.Timeout, "timeout", 0, "`time` that one call may take (default the interval, at most 5s)")
	p.StringVar(&o.Listen, "listen", scheduler.DefaultListen, "`HOST:PORT` of the API; none: another program is it, and shares the store")
	p.StringArrayVar(&o.Peers, "peer", nil, "`address` of a consumer to begin with, HOST[:PORT] or [V6]:PORT; repeatable")
	p.StringArrayVar(&o.Producers, "producer", nil, "`address` of a producer, told when ours changes; repeatable")
	p.IntVar(&o.MostPeers, "max_peers", scheduler.DefaultMost, "`number` of consumers that are known at most")
	p.StringVar(&o.Store, "store", "", "`file` or URL of Redis (redis://, rediss://, unix://), or memory (default scheduler.db below /var/lib/zmicroservices or $XDG_STATE_HOME/zmicroservices)")
	p.StringVar(&o.Prefix, "redis_prefix", "zms:", "`text` before each key in Redis")
	p.StringVar(&o.ForceIP, "force_ip", "", "our `address` for all others, whatever the host's own is; without a port that of --listen")
	p.StringVar(&o.SecretFile, "secret_file", "", "`file` with the secret that all peers share (Authorization: Bearer)")
	p.StringVar(&o.Cert, "cert", "", "`file` of our certificate: HTTPS, and peers need one of the same authority")
	p.StringVar(&o.Key, "key", "", "`file` of its key")
	p.StringVar(&o.CA, "ca", "", "`file` of the peers' authority")
	p.BoolVar(&o.PlainHTTP, "plain_http", false, "let everybody call, beyond loopback too: for peers that know neither secret nor certificate")
	o.log.Register(root)
	complete(root)
	root.SetGlobalNormalizationFunc(flags.Underscores)
	root.SetFlagErrorFunc(flags.Hint)
	return root
}

// complete tells the shell what a flag may have.
func complete(root *cobra.Command) {
	for _, name := range []string{"interval", "jitter", "timeout", "listen", "peer", "producer", "max_peers", "redis_prefix", "force_ip", "plain_http"} {
		if err := root.RegisterFlagCompletionFunc(name, cobra.NoFileCompletions); err != nil {
			panic(err) // a flag that does not exist
		}
	}
}

// serve runs the scheduler until the command's context ends.
func serve(cmd *cobra.Command, o options) error {
	log, err := o.log.Logger(cmd.ErrOrStderr())
	if err != nil {
		return err
	}
	if cmd.Flags().Changed("interval") && o.Interval == 0 {
		return errors.New("interval 0s: it is above 0")
	}
	if err := o.Check(); err != nil {
		return err
	}
	for _, file := range []struct{ flag, path string }{
		{"secret_file", o.SecretFile}, {"cert", o.Cert}, {"key", o.Key}, {"ca", o.CA},
	} {
		if file.path == "" {
			continue
		}
		f, err := os.Open(file.path)
		if err != nil {
			return fmt.Errorf("--%s: %w", file.flag, err) // usage: a file that cannot be read
		}
		f.Close()
	}
	if o.Store == "" {
		if o.Store, err = defaultStore(); err != nil {
			return exit.Failed("%w", err)
		}
	}
	host, err := os.Hostname()
	if err != nil {
		return exit.Failed("read host name: %w", err)
	}
	d, err := scheduler.Make(cmd.Context(), o.Settings, scheduler.Options{
		Logger: log, Name: host, Version: version,
		Happened: func(e engine.Event) { say(log, e) },
	})
	if err != nil {
		return exit.Failed("%w", err)
	}
	fmt.Fprintf(cmd.OutOrStdout(), "listen %s\n", cmp.Or(d.Address(), scheduler.NoListen))
	if err := d.Run(cmd.Context()); err != nil {
		return exit.Failed("%w", err)
	}
	return nil
}

// say logs what a task service would say on the bus.
func say(log *slog.Logger, e engine.Event) {
	switch e.Kind {
	case engine.AddressChanged: // the engine has said it
	case engine.PeerAddressChanged:
		log.Info("peer's address changed", "peer", e.Peer.UUID, "old", e.Old, "new", e.New)
	case engine.PeerUnavailable:
		log.Warn("peer became unavailable", "peer", e.Peer.UUID, "ip", e.New, "err", e.Reason)
	case engine.PeerAvailable:
		log.Info("peer became available", "peer", e.Peer.UUID, "ip", e.New)
	case engine.PeerKnown:
		log.Info("peer became known", "peer", e.Peer.UUID, "ip", e.New)
	}
}

// defaultStore is a file below the directory where programs of this user keep state.
func defaultStore() (string, error) {
	dir := "/var/lib"
	if os.Getuid() != 0 {
		dir = os.Getenv("XDG_STATE_HOME")
		if dir == "" {
			home, err := os.UserHomeDir()
			if err != nil {
				return "", fmt.Errorf("find a place for the store, name one with --store: %w", err)
			}
			dir = filepath.Join(home, ".local", "state")
		}
	}
	dir = filepath.Join(dir, "zmicroservices")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("make a place for the store: %w", err)
	}
	return filepath.Join(dir, scheduler.StoreFile), nil
}
