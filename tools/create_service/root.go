package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"zmicroservices/tools/internal/flags"
)

// run is the program: arguments in, exit code out.
func run(args []string, stdout, stderr io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.Execute()
	if err != nil {
		fmt.Fprintln(stderr, "error:", err)
	}
	return exitCode(err)
}

func newRoot() *cobra.Command {
	var o options
	root := &cobra.Command{
		Use:   "create_service [flags]",
		Short: "Write new task services and their Context file",
		Long: `Write the files of one task service (from flags) or of several (--xml_file),
and put them into a Context file, which is made or merged.

A file that is there and differs is left alone and named; --force replaces it
and keeps a backup. All that is wrong is said at once, before anything is
written (exit code 2).`,
		Example: `  # The service of the tutorial, in Go, built and ready to start
  create_service --service_path="$PWD" --task_service=EchoAction \
    --task_class=EchoShouting \
    --task_desc='An echo action is for shouting the time after counting 10s' \
    --context_name=EchoAction --service_name=echo_action \
    --server_ip=127.0.0.1 --sub_port=5556 --pub_port=5557 \
    --task_id=ts_100 --device_action=shout

  # The same in Python: add --task_lang=python
  # Any program: add --task_lang=command --command='/usr/bin/ping -i 10 localhost'

  # Several services at once
  create_service --xml_file=conf/Services-StateMachine.xml

  # Build the Go services below a directory that are missing or stale
  create_service build services`,
		Args:          cobra.NoArgs,
		Version:       version,
		SilenceErrors: true, // run prints them, once
		SilenceUsage:  true, // an error is easier to find without it
		RunE: func(cmd *cobra.Command, _ []string) error {
			return create(cmd, o)
		},
	}
	o.register(root.Flags())
	root.AddCommand(newBuild())
	completeFlags(root)
	root.SetFlagErrorFunc(flags.Hint)
	root.SetGlobalNormalizationFunc(flags.Underscores)
	return root
}
