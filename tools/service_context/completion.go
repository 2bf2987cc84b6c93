package main

import "github.com/spf13/cobra"

// completeFlags tells the shell what a flag may have.
func completeFlags(cmd *cobra.Command) {
	// The only error is a flag that does not exist.
	if err := cmd.RegisterFlagCompletionFunc("wire", cobra.FixedCompletions([]string{"original"}, cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(err)
	}
	for _, name := range []string{"state_dir", "runtime_dir", "services_path", "curve"} {
		if err := cmd.MarkFlagDirname(name); err != nil {
			panic(err)
		}
	}
}
