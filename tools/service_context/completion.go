package main

import "github.com/spf13/cobra"

// completeFlags tells the shell what a flag may have.
func completeFlags(cmd *cobra.Command) {
	for name, words := range map[string][]string{
		"log_format": {"text", "json"},
		"log_level":  {"debug", "info", "warn", "error"},
		"wire":       {"original"},
	} {
		// The only error is a flag that does not exist.
		if err := cmd.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)); err != nil {
			panic(err)
		}
	}
	for _, name := range []string{"state_dir", "runtime_dir", "services_path", "curve"} {
		if err := cmd.MarkFlagDirname(name); err != nil {
			panic(err)
		}
	}
}
