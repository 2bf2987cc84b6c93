package crash

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"zmicroservices/context/command"
	"zmicroservices/test/harness"
)

// points are the windows in which a provider dies: what was decided and not sent, sent
// and not written, written and not acknowledged.
var points = []string{"spawn asked", "spawn sent", "stop asked", "stop sent", "journal written", "journal committed", "events acknowledged"}

// TestNothingIsLostAtNamedPoints has a provider that kills itself in the middle of its
// work, under services that exit, print and fork all the time.
func TestNothingIsLostAtNamedPoints(t *testing.T) {
	mortal := mortal(t)
	b := churning(t)
	b.program = mortal
	b.start()
	await(t, "every service to start", func() bool { return b.incarnations() >= services })
	b.written()
	deaths := 0
	for range pointRounds {
		// What nobody was promised yet, the first start above all, may come twice.
		began := b.incarnations()
		await(t, "services to come and go", func() bool { return b.incarnations() > began+services })
		b.kill()
		point := points[rand.IntN(len(points))]
		stops := strings.HasPrefix(point, "stop")
		passes := 1 + rand.IntN(5*services)
		if stops { // nothing is stopped unless somebody asks
			passes = 1 + rand.IntN(services)
		}
		b.env = []string{fmt.Sprintf("ZMS_CRASHPOINT=%s:%d", point, passes)}
		b.launch()
		if stops {
			await(t, "the provider to answer", func() bool { return b.answers() || b.dead() })
			_ = harness.Run(t, []string{"ZMS_RUNTIME_DIR=" + b.runtime}, "conf_command", "restart", "--no_wait", "--transaction="+b.transaction, b.file)
		}
		select {
		case <-b.ended:
			deaths++
		case <-time.After(pointPatience): // it did not come to that so often
			t.Logf("%s was not passed %d times", point, passes)
		}
		b.oneProcessEach()
		b.kill()
		b.env = nil
		b.start()
	}
	if deaths == 0 {
		t.Errorf("none of %d providers died at its point", pointRounds)
	}
	began := b.incarnations()
	await(t, "services to go on", func() bool { return b.incarnations() > began+services })
	b.oneProcessEach()
	b.freeze()
	b.audit(services)
	b.stop()
	if left := harness.Left(t, b.transaction); len(left) > 0 {
		t.Errorf("processes are left: %v", left)
	}
}

// mortal is a service_context that dies where it is told to.
func mortal(t *testing.T) string {
	return harness.Variant(t, "mortal", "service_context", "-tags=crashpoint", "-ldflags=-X main.version=mortal")
}

// pointPatience is how long a provider may live that was told to die.
const pointPatience = 10 * time.Second

// answers says that a provider serves the control socket.
func (b *bench) answers() bool {
	c, err := command.Dial(b.t.Context(), command.SocketPath(b.runtime, "crash", b.front, b.back))
	if err == nil {
		_ = c.Close()
	}
	return err == nil
}
