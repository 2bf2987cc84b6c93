package main

import (
	"fmt"
	"strings"

	"github.com/agnivade/levenshtein"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// underscores takes --task-id for --task_id: fingers write both.
func underscores(_ *pflag.FlagSet, name string) pflag.NormalizedName {
	return pflag.NormalizedName(strings.ReplaceAll(name, "-", "_"))
}

// foreign are the options of the original that belong to one application of its
// author's: a packet sniffer that looks for songs.
var foreign = []string{
	"interface", "track_title", "track_timestamp", "query", "sniffer_filter", "sniffer_header",
}

// hintFlag adds the nearest flag to the complaint about an unknown one.
func hintFlag(cmd *cobra.Command, err error) error {
	_, name, found := strings.Cut(err.Error(), "unknown flag: --")
	if !found {
		return err
	}
	for _, f := range foreign {
		if name == f {
			return fmt.Errorf("%w; it belonged to the song services of the original and is not part of this program", err)
		}
	}
	var known []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			known = append(known, f.Name)
		}
	})
	if best := nearest(name, known); best != "" {
		return fmt.Errorf("%w; did you mean --%s?", err, best)
	}
	return fmt.Errorf("%w; %s --help lists them all", err, cmd.CommandPath())
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
	if best := nearest(args[0], known); best != "" {
		return fmt.Errorf("unknown verb %q; did you mean %s?", args[0], best)
	}
	return fmt.Errorf("unknown verb %q; known are %s", args[0], strings.Join(known, ", "))
}

// nearest is the known word with the fewest edits, "" if that would be a guess.
func nearest(word string, known []string) string {
	best, distance := "", 4
	for _, k := range known {
		// A word of four letters at three edits is any other word of four.
		if d := levenshtein.ComputeDistance(word, k); d < min(distance, max(2, len(k)*2/3)) {
			best, distance = k, d
		}
	}
	return best
}
