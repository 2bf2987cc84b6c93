package conf

import (
	"fmt"
	"strings"

	"github.com/agnivade/levenshtein"
)

// nearest returns the known name that was most likely meant, "" for none: the
// one with the fewest edits, if they are at most a third of its letters, else
// one that begins as name does ("environment" means env).
func nearest(name string, known []string) string {
	best, fewest := "", 1<<30
	lower := strings.ToLower(name)
	for _, k := range known {
		if edits := levenshtein.ComputeDistance(lower, strings.ToLower(k)); edits < fewest {
			best, fewest = k, edits
		}
	}
	if fewest <= max(1, len(best)/3) {
		return best
	}
	for _, k := range known {
		if len(k) >= 3 && strings.HasPrefix(lower, strings.ToLower(k)) {
			return k
		}
	}
	return ""
}

// hint is the end of a message about an unknown name: the nearest one known,
// else all of them.
func hint(name string, known []string) string {
	if n := nearest(name, known); n != "" {
		return fmt.Sprintf("; did you mean %q?", n)
	}
	return listed("; known are ", known)
}

// listed is a list with its introduction, "" when there is nothing to list.
func listed(intro string, names []string) string {
	if len(names) == 0 {
		return ""
	}
	return intro + strings.Join(names, ", ")
}

// guess is hint without the list, for places where other names are no mistake.
func guess(name string, known []string) string {
	if n := nearest(name, known); n != "" {
		return fmt.Sprintf("; did you mean %q?", n)
	}
	return ""
}
