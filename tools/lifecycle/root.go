package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"zmicroservices/tools/internal/exit"
	"zmicroservices/tools/internal/flags"
	"zmicroservices/tools/internal/lifeview"
	"zmicroservices/tools/internal/show"
)

// run is the program: arguments in, exit code out.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	root := newRoot(stdout, stderr)
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err != nil {
		fmt.Fprintf(stderr, "error: %s\n", show.Printable(err.Error()))
	}
	return exit.Code(err)
}

func newRoot(stdout, stderr io.Writer) *cobra.Command {
	root := &cobra.Command{
		Use:   "lifecycle",
		Short: "Look at life cycle events",
		Long: `Look at the life cycle events of a bus: when components have started, live, were
provisioned or upgraded, or end; and count who runs which version.

Exit codes: 0 done; 1 refused or failed; 2 usage, or a wrong or unreadable file;
3 nobody to talk to.`,
		Example:       lifeview.Examples("lifecycle") + "\n" + tallyExamples,
		Version:       version,
		SilenceErrors: true, // run prints them, once
		SilenceUsage:  true, // an error is easier to find without it
		Args:          hintVerb,
		RunE: func(*cobra.Command, []string) error {
			return errors.New("the verb is missing: lifecycle view or tally; lifecycle --help says more")
		},
	}
	root.SetGlobalNormalizationFunc(flags.Underscores)
	root.SetFlagErrorFunc(flags.Hint)
	root.AddCommand(lifeview.New("lifecycle", stdout, stderr), newTally(stderr))
	return root
}

// hintVerb is the complaint about a word that is no verb.
func hintVerb(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var known []string
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() {
			known = append(known, c.Name())
		}
	}
	if best := flags.Nearest(args[0], known); best != "" {
		return fmt.Errorf("unknown verb %q; did you mean %s?", args[0], best)
	}
	return fmt.Errorf("unknown verb %q; lifecycle --help lists them", args[0])
}
