package registry

import (
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// redisServer is a redis-server of the test's own at a unix socket.
type redisServer struct {
	t      *testing.T
	socket string
	cmd    *exec.Cmd
}

// newRedis starts one. Without redis-server the test is skipped, in CI it fails.
func newRedis(t *testing.T) *redisServer {
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
	s := &redisServer{t: t, socket: filepath.Join(dir, "redis.sock")}
	t.Cleanup(func() {
		s.kill()
		os.RemoveAll(dir)
	})
	s.start()
	return s
}

func (s *redisServer) start() {
	s.t.Helper()
	s.cmd = exec.Command("redis-server", "--port", "0", "--unixsocket", s.socket, "--save", "", "--appendonly", "no", "--dir", filepath.Dir(s.socket))
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	for end := time.Now().Add(time.Minute); ; {
		conn, err := net.Dial("unix", s.socket)
		if err == nil {
			fmt.Fprint(conn, "PING\r\n")
			if n, err := conn.Read(make([]byte, 7)); err == nil && n > 0 {
				conn.Close()
				return
			}
			conn.Close()
		}
		if time.Now().After(end) {
			s.t.Fatal("redis-server does not answer")
		}
		<-time.After(5 * time.Millisecond)
	}
}

func (s *redisServer) kill() {
	if s.cmd != nil {
		_ = s.cmd.Process.Kill()
		_ = s.cmd.Wait()
		s.cmd = nil
	}
}

func (s *redisServer) url() string { return "unix://" + s.socket }

var quiet = Options{Logger: slog.New(slog.DiscardHandler)}
