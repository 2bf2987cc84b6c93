//go:build soak

package engine

import (
	"testing"
	"testing/synctest"
	"time"
)

// The sizes that take minutes; what they gave is in the README.
func TestSoakEverybodyComesToKnowEverybody(t *testing.T) {
	for _, c := range []struct {
		name  string
		n     int
		first func(int) []int
		most  int // rounds
	}{
		{"star", 500, star, 2},
		{"chain", 500, chain, 10},
		{"star", 5000, star, 2},
	} {
		began := time.Now()
		synctest.Test(t, func(t *testing.T) {
			got := converge(t, c.n, c.first)
			t.Logf("%s of %d: %d rounds, %d calls until then, %d consumers listed; then %d calls a round, %d listed",
				c.name, c.n, got.rounds, got.calls, got.names, got.steady, got.restful)
			if want := int64(c.n * (c.n - 1)); got.rounds > c.most || got.steady != want || got.restful != 0 {
				t.Errorf("%s of %d: %d rounds, at most %d; %d calls in a round at rest, want %d; %d listed", c.name, c.n, got.rounds, c.most, got.steady, want, got.restful)
			}
		})
		t.Logf("it took %v", time.Since(began))
	}
}
