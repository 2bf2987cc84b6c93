package main

import (
	"strings"

	"github.com/spf13/cobra"

	"zmicroservices/conf"
)

// completeTasks offers Context files, and then the task ids of the one named.
func completeTasks(o *options) cobra.CompletionFunc {
	return func(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		file, _, err := o.load(args)
		if err != nil {
			return []cobra.Completion{"xml"}, cobra.ShellCompDirectiveFilterFileExt
		}
		return taskCompletions(file), cobra.ShellCompDirectiveNoFileComp
	}
}

func taskCompletions(file *conf.Context) []cobra.Completion {
	var words []cobra.Completion
	for _, t := range file.Tasks {
		// A description of several lines would be several completions.
		words = append(words, cobra.CompletionWithDesc(t.ID, strings.Join(strings.Fields(t.Description), " ")))
	}
	return words
}
