package scheduler

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"zmicroservices/services/scheduler/engine"
	"zmicroservices/services/scheduler/peer"
	"zmicroservices/services/scheduler/rest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// host is a Scheduler that runs until the test's end.
type host struct {
	*Scheduler
	events chan engine.Event // sent by the scheduler; deep enough for a test
	stop   func() error      // once
}

// up makes and runs one.
func up(t *testing.T, s Settings, from Source) *host {
	t.Helper()
	h := &host{events: make(chan engine.Event, 1024)}
	if s.Listen == "" {
		s.Listen = "127.0.0.1:0"
	}
	if s.Store == "" {
		s.Store = filepath.Join(t.TempDir(), StoreFile)
	}
	var err error
	h.Scheduler, err = Make(t.Context(), s, Options{
		Logger: slog.New(slog.DiscardHandler), Name: t.Name(), Version: "1", Source: from,
		Happened: func(e engine.Event) {
			select {
			case h.events <- e:
			default:
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- h.Run(ctx) }() // ends with stop
	stopped := false
	h.stop = func() error {
		if stopped {
			return nil
		}
		stopped = true
		cancel()
		return <-ended
	}
	t.Cleanup(func() {
		if err := h.stop(); err != nil {
			t.Error(err)
		}
	})
	return h
}

// until waits for something, and says what did not come.
func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !is(); <-time.After(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s does not come", what)
		}
	}
}

// sees says whether a host knows so many others as available.
func (h *host) sees(t *testing.T, n int) func() bool {
	client := rest.NewClient(rest.ClientOptions{})
	t.Cleanup(client.Close)
	return func() bool {
		all, err := client.Peers(t.Context(), peer.Address(h.Address()))
		if err != nil {
			return false // it has not begun yet
		}
		available := 0
		for _, k := range all.Peers {
			if k.Availability == engine.Available {
				available++
			}
		}
		return available == n
	}
}

// redis is a redis-server of the test's own.
type redis struct {
	t   *testing.T
	dir string
	cmd *exec.Cmd
}

func newRedis(t *testing.T) *redis {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("redis-server is missing: apt-get install redis-server")
		}
		t.Skip("redis-server is missing: apt-get install redis-server")
	}
	dir, err := os.MkdirTemp("", "zms") // a socket's path is short
	if err != nil {
		t.Fatal(err)
	}
	r := &redis{t: t, dir: dir}
	t.Cleanup(func() {
		r.kill()
		os.RemoveAll(dir)
	})
	r.start()
	return r
}

func (r *redis) url() string { return "unix://" + filepath.Join(r.dir, "s") }

func (r *redis) start() {
	r.t.Helper()
	r.cmd = exec.Command("redis-server", "--port", "0", "--unixsocket", filepath.Join(r.dir, "s"), "--save", "", "--dir", r.dir)
	if err := r.cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	until(r.t, "redis-server", func() bool {
		conn, err := net.Dial("unix", filepath.Join(r.dir, "s"))
		if err != nil {
			return false
		}
		defer conn.Close()
		fmt.Fprint(conn, "PING\r\n")
		n, err := conn.Read(make([]byte, 7))
		return err == nil && n > 0
	})
}

func (r *redis) kill() {
	if r.cmd != nil {
		_ = r.cmd.Process.Kill()
		_ = r.cmd.Wait()
		r.cmd = nil
	}
}
