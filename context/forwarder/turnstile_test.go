package forwarder

import (
	"sync"
	"testing"
)

func TestTheTurnstileLetsEverybodyPassAlsoAtItsEnd(t *testing.T) {
	turns, err := newTurnstile()
	if err != nil {
		t.Fatal(err)
	}
	var all, runs sync.WaitGroup
	runs.Go(turns.run)
	half := make(chan struct{}, 8)
	for range 8 {
		all.Go(func() {
			turn := make(chan struct{}, 1)
			for i := range 1000 {
				turns.pass(turn)
				if i == 500 {
					half <- struct{}{}
				}
			}
			if len(turn) != 0 {
				t.Error("passed twice")
			}
		})
	}
	<-half
	turns.close()
	all.Wait()
	runs.Wait()
}
