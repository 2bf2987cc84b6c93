package flags

import (
	"fmt"
	"strings"

	"github.com/agnivade/levenshtein"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Underscores takes --task-id for --task_id: fingers write both.
func Underscores(_ *pflag.FlagSet, name string) pflag.NormalizedName {
	return pflag.NormalizedName(strings.ReplaceAll(name, "-", "_"))
}

// Unknown gives the name in a complaint of cobra's about an unknown flag, with
// underscores.
func Unknown(err error) (name string, ok bool) {
	_, name, ok = strings.Cut(err.Error(), "unknown flag: --")
	return strings.ReplaceAll(name, "-", "_"), ok
}

// Hint adds the nearest flag to the complaint about an unknown one.
func Hint(cmd *cobra.Command, err error) error {
	name, ok := Unknown(err)
	if !ok {
		return err
	}
	var known []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			known = append(known, f.Name)
		}
	})
	if best := Nearest(name, known); best != "" {
		return fmt.Errorf("%w; did you mean --%s?", err, best)
	}
	return fmt.Errorf("%w; %s --help lists them all", err, cmd.CommandPath())
}

// Nearest is the known word with the fewest edits, "" if that would be a guess.
func Nearest(word string, known []string) string {
	best, distance := "", 4
	for _, k := range known {
		// A word of four letters at three edits is any other word of four.
		if d := levenshtein.ComputeDistance(word, k); d < min(distance, max(2, len(k)*2/3)) {
			best, distance = k, d
		}
	}
	return best
}
