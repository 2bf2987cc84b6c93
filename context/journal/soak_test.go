//go:build soak

package journal

import "testing"

// A million rows are kept of two.
func TestSoakAMillionRowsInABoundedFile(t *testing.T) {
	rows, full, end := bounded(t, 1_000_000, 2)
	t.Logf("%d rows in %d MiB, %d MiB when they were first so many", rows, end>>20, full>>20)
}
