package abuse

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"zmicroservices/test/harness"
)

// crowdRole is a process that opens connections and leaves each in the middle of
// its greeting, until its standard input ends: a process of its own, because a
// connection takes a descriptor of either side.
const crowdRole = "crowd"

// roles are what the test binary can be.
var roles = map[string]func() error{crowdRole: crowd}

func crowd() error {
	var front, back string
	var n int
	if _, err := fmt.Sscan(os.Getenv("CROWD"), &n, &front, &back); err != nil {
		return err
	}
	var open []net.Conn
	for i := range n {
		endpoint := front
		if i%2 == 1 {
			endpoint = back
		}
		c, err := harness.Connect(endpoint)
		if err != nil {
			return fmt.Errorf("connection %d: %w", i, err)
		}
		if _, err := c.Write(harness.Greeting()[:1+i%63]); err != nil && !errors.Is(err, syscall.EPIPE) {
			return err
		}
		open = append(open, c)
	}
	fmt.Println(len(open))
	_, err := io.Copy(io.Discard, os.Stdin)
	return err
}

// Ten thousand connections that stop in the middle of their greeting cost little
// memory and nobody's time, and their descriptors come back.
func Test10000HalfOpenConnectionsDisturbNobody(t *testing.T) { bothWays(t, testCrowd) }

func testCrowd(t *testing.T, s *site) {
	const n = 10_000
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	if limit.Max < n+1000 {
		t.Skipf("needs %d descriptors a process: the hard limit is %d (ulimit -Hn)", n+1000, limit.Max)
	}
	cmd := exec.Command(harness.Self(t))
	cmd.Env = append(os.Environ(), harness.RoleVariable+"="+crowdRole, fmt.Sprintf("CROWD=%d %s %s", n, s.Publish, s.Subscribe))
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	gather := make(chan string, 1) // one line
	go func() {                    // ends with that line, or the process
		line, _ := bufio.NewReader(out).ReadString('\n')
		gather <- strings.TrimSpace(line)
	}()
	s.served("while 10,000 gather")
	if got, err := strconv.Atoi(<-gather); err != nil || got != n {
		t.Fatalf("%d of %d connections were made: %v", got, n, err)
	}
	s.served("while 10,000 are half open")
	t.Logf("the provider: %v", harness.UsageOf(t, s.PID))
	s.bounded("10,000 half open", 200)
	_ = in.Close()
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	s.recovered()
}
