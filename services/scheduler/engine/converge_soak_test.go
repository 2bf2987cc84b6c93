//go:build soak

package engine

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"zmicroservices/services/scheduler/peer"
	"zmicroservices/services/scheduler/registry"
)

// forgetful is a registry of so many engines that it would be what is measured. What is
// known is in the engines' memory anyway.
type forgetful struct{ registry.Registry }

func (forgetful) Identity(_ context.Context, proposed uuid.UUID) (uuid.UUID, error) {
	return proposed, nil
}

func (forgetful) Peers(context.Context, peer.Kind) ([]peer.Peer, error) { return nil, nil }

func (forgetful) Note(context.Context, peer.Kind, []peer.Peer) error { return nil }

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
		{"star", 5000, star, 2}, // some 8 GiB: each of them knows all others
	} {
		t.Run(fmt.Sprintf("%s of %d", c.name, c.n), func(t *testing.T) {
			began := time.Now()
			synctest.Test(t, func(t *testing.T) {
				got := converge(t, c.n, c.first, forgetful{})
				t.Logf("%d rounds, %d calls until then, %d consumers listed; then %d calls a round, %d listed", got.rounds, got.calls, got.names, got.steady, got.restful)
				if want := int64(c.n * (c.n - 1)); got.rounds > c.most || c.n <= 1000 && got.steady != want || got.restful != 0 {
					t.Errorf("at most %d rounds are wanted, then %d calls in each, 0 listed", c.most, want)
				}
			})
			t.Logf("it took %v", time.Since(began))
		})
	}
}
