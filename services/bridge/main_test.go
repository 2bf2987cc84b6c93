package bridge

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/goleak"

	"zmicroservices/context/forwarder"
	"zmicroservices/taskservice"
	"zmicroservices/taskservice/bus"
)

func TestMain(m *testing.M) {
	if os.Getenv("ZMS_TASK") != "" { // we are the bridge of a test
		taskservice.Main("bridge", New(fakeSource{}))
	}
	goleak.VerifyTestMain(m)
}

// patience is for what only a fault ever takes so long.
const patience = 40 * time.Second

type object = map[string]any

// fakeSource is a provider that never changes.
type fakeSource struct{ err error }

func (f fakeSource) Self(context.Context) (Self, error) {
	return Self{Version: "1.2.3", FrontEnd: "tcp://127.0.0.1:1", Backend: "tcp://127.0.0.1:2", Transactions: []Transaction{{ID: "T", Services: 2, Up: 1}}}, f.err
}

func (f fakeSource) State(_ context.Context, transaction string) (json.RawMessage, error) {
	if transaction == "long" {
		transaction = strings.Repeat("long", 1000)
	}
	return json.RawMessage(fmt.Sprintf(`[{"transaction":%q}]`, transaction)), f.err
}

func (f fakeSource) Top(context.Context, string) (json.RawMessage, error) {
	return json.RawMessage(`{"services":[]}`), f.err
}

// natsServer is Debian's nats-server.
type natsServer struct {
	t    *testing.T
	dir  string
	conf string // what a test adds to its configuration
	port string
	cmd  *exec.Cmd
}

func startNATS(t *testing.T, conf string) *natsServer {
	t.Helper()
	if _, err := exec.LookPath("nats-server"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip("no nats-server: apt-get install nats-server")
	}
	s := &natsServer{t: t, dir: t.TempDir(), conf: conf, port: "-1"}
	s.start()
	t.Cleanup(func() { s.kill() })
	return s
}

// start starts it, at the port it had before.
func (s *natsServer) start() {
	s.t.Helper()
	text := fmt.Sprintf("listen: \"127.0.0.1:%s\"\nports_file_dir: %q\njetstream { store_dir: %q, max_memory_store: 16MB, max_file_store: 1GB }\n%s\n", s.port, s.dir, s.dir, s.conf)
	file := filepath.Join(s.dir, "nats.conf")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
	s.cmd = exec.Command("nats-server", "-c", file)
	var said bytes.Buffer
	s.cmd.Stderr = &said
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	if s.port != "-1" {
		return
	}
	until(s.t, "nats-server tells its port", func() bool {
		files, _ := filepath.Glob(filepath.Join(s.dir, "nats-server_*.ports"))
		if len(files) == 0 {
			return false
		}
		raw, _ := os.ReadFile(files[0])
		var ports struct {
			NATS []string `json:"nats"`
		}
		if json.Unmarshal(raw, &ports) != nil || len(ports.NATS) == 0 {
			return false
		}
		_, s.port, _ = net.SplitHostPort(ports.NATS[0][strings.LastIndex(ports.NATS[0], "/")+1:])
		return true
	})
}

// kill is kill -9.
func (s *natsServer) kill() {
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
}

func (s *natsServer) address() string { return "127.0.0.1:" + s.port }
func (s *natsServer) url() string     { return "nats://" + s.address() }

// client connects a test.
func (s *natsServer) client(options ...nats.Option) *nats.Conn {
	s.t.Helper()
	var nc *nats.Conn
	until(s.t, "nats-server answers", func() (ok bool) {
		var err error
		nc, err = nats.Connect(s.url(), append([]nats.Option{nats.MaxReconnects(-1), nats.ReconnectWait(20 * time.Millisecond)}, options...)...)
		return err == nil
	})
	s.t.Cleanup(nc.Close)
	return nc
}

// cable is a TCP proxy that can be pulled out.
type cable struct {
	ln net.Listener
	to string

	mu     sync.Mutex
	pulled bool
	conns  map[net.Conn]bool
	work   sync.WaitGroup
}

func newCable(t *testing.T, to string) *cable {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cable{ln: ln, to: to, conns: map[net.Conn]bool{}}
	c.work.Go(func() { // ends with the listener
		for {
			in, err := ln.Accept()
			if err != nil {
				return
			}
			c.join(in)
		}
	})
	t.Cleanup(func() {
		ln.Close()
		c.pull()
		c.work.Wait()
	})
	return c
}

func (c *cable) url() string { return "nats://" + c.ln.Addr().String() }

func (c *cable) join(in net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	out, err := net.Dial("tcp", c.to)
	if err != nil || c.pulled {
		in.Close()
		if err == nil {
			out.Close()
		}
		return
	}
	c.conns[in], c.conns[out] = true, true
	for _, pair := range [][2]net.Conn{{in, out}, {out, in}} {
		c.work.Go(func() { // ends with either connection
			_, _ = io.Copy(pair[0], pair[1])
			pair[0].Close()
			pair[1].Close()
		})
	}
}

// pull cuts all connections, and lets nobody in.
func (c *cable) pull() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pulled = true
	for conn := range c.conns {
		conn.Close()
		delete(c.conns, conn)
	}
}

func (c *cable) plug() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pulled = false
}

// device is a bus: our own forwarder.
type device struct{ front, back string } // publishers connect to front

func newDevice(t *testing.T) device {
	t.Helper()
	f, err := forwarder.New(forwarder.Options{
		FrontBind: []string{"tcp://127.0.0.1:0"}, BackendBind: []string{"tcp://127.0.0.1:0"}, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- f.Run(ctx) }() // ends with cancel
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return device{f.Front()[0], f.Back()[0]}
}

// peer is a test on the bus.
func (d device) peer(t *testing.T, topics ...string) *bus.Bus {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	b, err := bus.Dial(ctx, bus.Options{Frontend: d.back, Backend: d.front, Topics: topics, Queue: 10_000})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close(context.Background()) })
	return b
}

// config is that of a bridge on the bus, on the host.
func (d device) config(t *testing.T, host string, values object) taskservice.Config {
	t.Helper()
	values["host"] = host
	dir := t.TempDir()
	if spool, is := values["spool"].(object); is && spool["file"] != nil {
		dir = filepath.Dir(spool["file"].(string))
	}
	return taskservice.Config{
		TaskID: "ts_bridge", Transaction: "T", ContextID: "context001", ServiceName: "bridge", Instance: "Bridge", StateType: "on_start",
		Frontend: d.back, Backend: d.front, StateDir: dir, Values: values,
	}
}

// running is a bridge in this process.
type running struct {
	t    *testing.T
	stop func()
	log  *lines
}

// lines is a log that a test reads while it is written.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func (l *lines) has(s string) bool { return strings.Contains(l.String(), s) }

func startBridge(t *testing.T, c taskservice.Config, from Source) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	log := &lines{}
	done := make(chan error, 1)
	go func() { // ends with stop
		done <- taskservice.Run(ctx, c, New(from), taskservice.WithLogger(slog.New(slog.NewTextHandler(log, nil))), taskservice.WithStopTime(patience))
	}()
	r := &running{t: t, log: log}
	r.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("bridge ended with %v\n%s", err, log)
		}
	})
	t.Cleanup(func() {
		r.stop()
		if t.Failed() {
			t.Logf("bridge:\n%s", log)
		}
	})
	return r
}

// up waits until the bridge has a link.
func (r *running) up() *running {
	r.t.Helper()
	until(r.t, "the bridge has a link", func() bool { return r.log.has("link to NATS is up") })
	return r
}

// broke waits until it has noticed that its link broke for the n-th time.
func (r *running) broke(n int) {
	r.t.Helper()
	until(r.t, "the bridge notices that its link broke", func() bool { return strings.Count(r.log.String(), "link to NATS broke") == n })
}

// rose waits until it has a link for the n-th time.
func (r *running) rose(n int) {
	r.t.Helper()
	until(r.t, "the bridge has a link again", func() bool { return strings.Count(r.log.String(), "link to NATS is up") == n })
}

func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	end := time.After(patience)
	for !ok() {
		select {
		case <-again.C:
		case <-end:
			t.Fatalf("in vain: %s", what)
		}
	}
}

// receive is the next frame that begins with a topic.
func receive(t *testing.T, b *bus.Bus) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	frame, err := b.Receive(ctx)
	if err != nil {
		t.Fatalf("nothing came: %v", err)
	}
	return string(frame)
}

func publish(t *testing.T, b *bus.Bus, frame string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := b.Publish(ctx, []byte(frame)); err != nil {
		t.Fatal(err)
	}
}

func contextOf(t *testing.T, d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(t.Context(), d)
}

func (r *running) logger() *slog.Logger { return slog.New(slog.NewTextHandler(r.log, nil)) }
