package conf

import (
	"fmt"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
)

// nearest returns the known name that was most likely meant, "" for none: the
// one with the fewest edits, if they are at most a third of its letters, else
// one that begins as name does ("environment" means env).
func nearest(name string, known []string) string {
	if len(name) > maxName {
		return "" // no slip of the finger, and not worth the product of the lengths
	}
	best, fewest := "", 1<<30
	lower := strings.ToLower(name)
	for _, k := range known {
		edits := levenshtein.ComputeDistance(lower, strings.ToLower(k))
		if edits > 1 && anagram(lower, strings.ToLower(k)) {
			edits = 1 // swapped letters are the commonest slip, and count as two
		}
		if edits < fewest {
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

func anagram(a, b string) bool {
	x, y := []byte(a), []byte(b)
	slices.Sort(x)
	slices.Sort(y)
	return slices.Equal(x, y)
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
