package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"zmicroservices/tools/internal/flags"
)

// foreign are the options of the original that belong to one application of its
// author's: a packet sniffer that looks for songs.
var foreign = []string{
	"interface", "track_title", "track_timestamp", "query", "sniffer_filter", "sniffer_header",
}

// hintFlag adds to the complaint about an unknown flag what helps.
func hintFlag(cmd *cobra.Command, err error) error {
	if name, ok := flags.Unknown(err); ok && slices.Contains(foreign, name) {
		return fmt.Errorf("%w; it belonged to the song services of the original and is not part of this program", err)
	}
	return flags.Hint(cmd, err)
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
	return fmt.Errorf("unknown verb %q; known are %s", args[0], strings.Join(known, ", "))
}
