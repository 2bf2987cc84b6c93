package churn

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"zmicroservices/test/harness"
)

func TestMain(m *testing.M) {
	harness.Main(m, map[string]func() error{"brief": brief, "talk": talk, "notice": notice})
}

// brief is a task service with a short life: some lines, a child, a code.
func brief() error {
	for n := range 10 {
		fmt.Println("line", n)
	}
	if err := exec.Command("/bin/true").Run(); err != nil {
		return err
	}
	os.Exit(rand.IntN(3))
	return nil
}

// talk prints until it is ended, on both streams.
func talk() error {
	line := strings.Repeat("x", 100)
	tick := time.NewTicker(5 * time.Millisecond)
	for n := 0; ; n++ {
		fmt.Println(n, line)
		if n%10 == 0 {
			fmt.Fprintln(os.Stderr, n, line)
		}
		<-tick.C
	}
}

// notice tells the keeper how it is (sd_notify), and ends by itself after a while.
func notice() error {
	c, err := net.Dial("unixgram", os.Getenv("NOTIFY_SOCKET"))
	if err != nil {
		return err
	}
	say := func(words string) error {
		_, err := c.Write([]byte(words))
		return err
	}
	term := make(chan os.Signal, 1)
	signal.Notify(term, syscall.SIGTERM)
	tick := time.NewTicker(100 * time.Millisecond)
	if err := say("READY=1\nSTATUS=up"); err != nil {
		return err
	}
	for n := range 50 {
		select {
		case <-tick.C:
			if err := say(fmt.Sprintf("WATCHDOG=1\nSTATUS=beat %d", n)); err != nil {
				return err
			}
		case <-term:
			return say("STOPPING=1")
		}
	}
	return errors.New("this life is over")
}
