// Package hosts has the built scheduler run on real hosts: network namespaces with a
// switch between them, made and removed by the tests. Hosts come, move, are cut off and
// come back; the switch falls apart; packets get lost.
//
// It takes root and a kernel that lets namespaces be made (ip-netns(8)). Where that is not
// so the tests are skipped, and say why.
package hosts

import (
	"testing"
	"time"

	"zmicroservices/test/harness"
)

func TestMain(m *testing.M) { harness.Main(m, nil) }

const (
	interval = time.Second
	// patience is how long anything may take; only a fault, or a machine that does
	// everything else first, ever takes it.
	patience = 90 * time.Second
)

// until waits for something to be so, and gives how long that took.
func until(t *testing.T, what string, is func() bool) time.Duration {
	t.Helper()
	began := time.Now()
	for !is() {
		if time.Since(began) > patience {
			t.Fatalf("not so after %v: %s", patience, what)
		}
		<-time.After(20 * time.Millisecond)
	}
	return time.Since(began)
}
