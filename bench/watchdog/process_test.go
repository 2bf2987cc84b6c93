package watchdog

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"zmicroservices/context/forwarder"
	"zmicroservices/services/watchdog"
	"zmicroservices/services/watchdog/database"
	"zmicroservices/taskservice/bus"
	"zmicroservices/test/harness"
)

// The roles of a re-executed test binary, and what the watchdog's reads.
const (
	busRole, watchdogRole = "bus", "watchdog"
	settings              = "WATCHDOG_BENCH" // database, frontend and backend, a line each
	patience              = time.Minute
)

func TestMain(m *testing.M) {
	harness.Main(m, map[string]func() error{busRole: serve, watchdogRole: observe})
}

// serve runs a forwarder until stdin ends.
func serve() error {
	f, err := forwarder.New(forwarder.Options{
		FrontBind: []string{"tcp://127.0.0.1:0"}, BackendBind: []string{"tcp://127.0.0.1:0"}, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return err
	}
	fmt.Println(f.Back()[0], f.Front()[0]) // subscribers connect to its back
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() { // ends with stdin
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	return f.Run(ctx)
}

// figures are what the watchdog's process has measured since it was asked before.
type figures struct {
	Messages int           // that became durable
	P50, P99 time.Duration // from the message's own time until then
	Max      time.Duration
	Lost     uint64 // by the store, ever
}

// timed is a store that takes the time of each message.
type timed struct {
	watchdog.Store

	mu   sync.Mutex // guards took
	took []time.Duration
}

// Append implements watchdog.Store.
func (s *timed) Append(e watchdog.Entry) {
	s.Store.Append(e)
	if e.Message == nil {
		return
	}
	var head struct {
		Timestamp time.Time `json:"timestamp"`
	}
	if json.Unmarshal(e.Message.Payload, &head) != nil {
		return // the count at the end will tell
	}
	s.Durable(func(err error) {
		if err != nil {
			return
		}
		d := time.Since(head.Timestamp)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.took = append(s.took, d)
	})
}

func (s *timed) figures() figures {
	s.mu.Lock()
	took := s.took
	s.took = nil
	s.mu.Unlock()
	slices.Sort(took)
	f := figures{Messages: len(took), Lost: s.Stats().Lost}
	if n := len(took); n > 0 {
		f.P50, f.P99, f.Max = took[n/2], took[n*99/100], took[n-1]
	}
	return f
}

// announced says on stdout when the watchdog listens: then it first speaks.
type announced struct {
	*bus.Bus
	once sync.Once
}

// Publish implements watchdog.Bus.
func (a *announced) Publish(ctx context.Context, frame []byte) error {
	a.once.Do(func() { fmt.Println("observing") })
	return a.Bus.Publish(ctx, frame)
}

// observe runs a watchdog until stdin ends; each line there asks for the figures.
func observe() error {
	where := strings.Split(os.Getenv(settings), "\n")
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	store, err := database.Open(ctx, where[0], log)
	if err != nil {
		return err
	}
	s := &timed{Store: store}
	b, err := bus.Dial(ctx, bus.Options{Frontend: where[1], Backend: where[2], Queue: 65536, Logger: log})
	if err != nil {
		return err
	}
	w, err := watchdog.New(watchdog.Options{Bus: &announced{Bus: b}, Store: s, Logger: log, Alive: -1, Rules: watchdog.DefaultRules()})
	if err != nil {
		return err
	}
	go func() { // ends with stdin
		for in := bufio.NewScanner(os.Stdin); in.Scan(); {
			_ = json.NewEncoder(os.Stdout).Encode(s.figures()) // the parent misses it
		}
		cancel()
	}()
	if err := w.Run(ctx); err != nil {
		return err
	}
	return b.Close(context.Background())
}

// process is a child.
type process struct {
	t   testing.TB
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

func start(t testing.TB, role, how string) *process {
	t.Helper()
	p := &process{t: t, cmd: exec.Command(harness.Self(t))}
	p.cmd.Env = append(os.Environ(), harness.RoleVariable+"="+role, settings+"="+how)
	p.cmd.Stderr = os.Stderr
	in, err := p.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.in, p.out = in, bufio.NewReader(out)
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.end)
	return p
}

// end is orderly, and once.
func (p *process) end() {
	if p.cmd.ProcessState != nil {
		return
	}
	_ = p.in.Close() // the child ends by it
	kill := time.AfterFunc(patience, func() { _ = p.cmd.Process.Kill() })
	defer kill.Stop()
	if err := p.cmd.Wait(); err != nil {
		p.t.Error(err)
	}
}

func (p *process) line() string {
	p.t.Helper()
	text, err := p.out.ReadString('\n')
	if err != nil {
		p.t.Fatal(err)
	}
	return strings.TrimSpace(text)
}

// figures asks the watchdog's process.
func (p *process) figures() (f figures) {
	p.t.Helper()
	if _, err := io.WriteString(p.in, "\n"); err != nil {
		p.t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(p.line()), &f); err != nil {
		p.t.Fatal(err)
	}
	return f
}

// stored is how many messages a database has, once its watchdog is over.
func stored(t testing.TB, name string) int {
	t.Helper()
	s, err := database.Open(context.Background(), name, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close(context.Background())
	all, err := s.Messages(context.Background(), "", 10_000_000)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range all {
		if m.Rejected != "" {
			t.Errorf("rejected: %s: %s", m.Topic, m.Rejected)
			break
		}
	}
	return len(all)
}
