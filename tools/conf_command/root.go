package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"zmicroservices/tools/internal/flags"
	"zmicroservices/tools/internal/lifeview"
)

// run is the program: arguments in, exit code out.
func run(ctx context.Context, args []string, w world) int {
	root := newRoot(w)
	root.SetArgs(args)
	root.SetOut(w.out)
	root.SetErr(w.err)
	err := root.ExecuteContext(ctx)
	if err != nil && !errors.Is(err, errSaid) {
		fmt.Fprintf(w.err, "error: %s\n", oneLine(err))
	}
	return exitCode(err)
}

// errSaid ends a run whose errors have been printed.
var errSaid = errors.New("already said")

// oneLine keeps an error of several lines on one: scripts and logs count lines.
func oneLine(err error) string {
	return printable(strings.Join(strings.Split(strings.TrimSpace(err.Error()), "\n"), "; "))
}

func newRoot(w world) *cobra.Command {
	var o original
	root := &cobra.Command{
		Use:   "conf_command VERB CONTEXT.xml [task...] | conf_command --service_name=... --action=...",
		Short: "Start, stop, restart, watch and check task services",
		Long: `Operate the task services of a context.

A verb acts on the named task services of a Context file, or on all. Without a
verb the options of the original conf_command are understood, and do what they
say. Either way the outcome is awaited.

Exit codes: 0 done; 1 refused or failed; 2 usage, or a wrong or unreadable file;
3 nobody to talk to.`,
		Example: `  conf_command start conf/Context-EchoAction.xml
  conf_command state conf/Context-EchoAction.xml -o json
  conf_command stop conf/Context-EchoAction.xml ts_100
  conf_command why conf/Context-EchoAction.xml ts_100
  conf_command logs conf/Context-EchoAction.xml -f
  conf_command watch conf/Context-EchoAction.xml control

  # whom the watchdog observes; all hosts that a Scheduler knows, or that are on NATS
  conf_command services conf/Context-Watchdog.xml
  conf_command peers conf/Context-Peers.xml
  conf_command --nats nats://127.0.0.1:4222 state

  conf_command --endpoint=tcp://127.0.0.1:5557 --service_name=context \
    --context_file=conf/Context-EchoAction.xml --service_id=context001 \
    --transaction=6FDAHH3WPRVV7FGZCRIN --action=start`,
		Args:          hintVerb,
		Version:       version,
		SilenceErrors: true, // run prints them, once
		SilenceUsage:  true, // an error is easier to find without it
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runOriginal(cmd.Context(), w, o)
		},
	}
	root.SetGlobalNormalizationFunc(flags.Underscores)
	root.SetFlagErrorFunc(hintFlag)
	o.register(root)
	root.AddCommand(
		newStart(w), newStop(w), newRestart(w), newScale(w), newState(w),
		newWhy(w), newHistory(w), newStats(w), newLogs(w), newBus(w), newTop(w), newPeers(w), newRecord(w), newReplay(w), newWatch(w),
		newServices(w), newPing(w), newRuntime(w), newConfig(w), newOnboard(w), newAgent(w),
		lifeview.New("conf_command", w.out, w.err), newCheck(w), newKeygen(w),
		newExit(w), newUpgrade(w), newVersion(w),
	)
	root.AddCommand(demos(w)...)
	return root
}
