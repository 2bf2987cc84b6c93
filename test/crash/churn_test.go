package crash

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"testing"
	"time"

	"zmicroservices/test/harness"
)

func TestMain(m *testing.M) { harness.Main(m, map[string]func() error{"churn": churn}) }

// lines is how many lines a service prints before it exits.
const lines = 20

// churn is a task service with a short life: numbered lines, a grandchild, an
// exit with a code that its last line tells.
func churn() error {
	// A stop at the end of the test must not come between the last line and the
	// exit that it tells: this life is over soon by itself.
	signal.Ignore(syscall.SIGTERM)
	who := os.Getenv("ZMS_TASK")
	code := rand.IntN(10)
	tick := time.NewTicker(time.Duration(1+rand.IntN(8)) * time.Millisecond)
	for n := range lines {
		fmt.Printf("%s line %d\n", who, n)
		if n == lines/2 {
			if err := exec.Command("/bin/true").Run(); err != nil {
				return err
			}
		}
		<-tick.C
	}
	fmt.Printf("%s exits %d\n", who, code)
	os.Exit(code)
	return nil
}
