package watchdog_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"zmicroservices/context/forwarder"
	"zmicroservices/services/watchdog"
	"zmicroservices/services/watchdog/database"
	"zmicroservices/taskservice/bus"
	"zmicroservices/taskservice/hippodamia"
	"zmicroservices/taskservice/message"
)

// asWatchdog makes this program a watchdog: frontend, backend, database.
const asWatchdog = "TEST_AS_WATCHDOG"

func TestMain(m *testing.M) {
	if text := os.Getenv(asWatchdog); text != "" {
		if err := beWatchdog(text); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

func beWatchdog(text string) error {
	var where [3]string
	if err := json.Unmarshal([]byte(text), &where); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	b, err := bus.Dial(ctx, bus.Options{Frontend: where[0], Backend: where[1], Logger: log})
	if err != nil {
		return err
	}
	defer b.Close(context.Background())
	store, err := database.Open(ctx, where[2], log)
	if err != nil {
		return err
	}
	w, err := watchdog.New(watchdog.Options{Bus: b, Store: store, Logger: log})
	if err != nil {
		return err
	}
	return w.Run(ctx)
}

// patience is what a test waits for one thing on a busy machine.
const patience = time.Minute

// plant is a bus, and a watchdog on it that is a process of its own.
type plant struct {
	frontend, backend, database string
	watchdog                    *exec.Cmd
}

func newPlant(t *testing.T) *plant {
	t.Helper()
	f, err := forwarder.New(forwarder.Options{
		FrontBind: []string{"tcp://127.0.0.1:0"}, BackendBind: []string{"tcp://127.0.0.1:0"}, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)        // the forwarder's end
	go func() { done <- f.Run(ctx) }() // ends with cancel
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return &plant{frontend: f.Back()[0], backend: f.Front()[0], database: filepath.Join(t.TempDir(), "watchdog.db")}
}

// watch starts the watchdog.
func (p *plant) watch(t *testing.T) {
	t.Helper()
	where, err := json.Marshal([3]string{p.frontend, p.backend, p.database})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), asWatchdog+"="+string(where))
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p.watchdog = cmd
	t.Cleanup(func() { p.kill() })
}

// kill ends the watchdog as no program can prepare for.
func (p *plant) kill() {
	if p.watchdog != nil {
		p.watchdog.Process.Kill()
		p.watchdog.Wait()
		p.watchdog = nil
	}
}

// end lets the watchdog end in order.
func (p *plant) end(t *testing.T) {
	t.Helper()
	if err := p.watchdog.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := p.watchdog.Wait(); err != nil {
		t.Errorf("the watchdog ended with %v", err)
	}
	p.watchdog = nil
}

// dial is a client of the bus that hears some topics.
func (p *plant) dial(t *testing.T, topics ...string) *bus.Bus {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	b, err := bus.Dial(ctx, bus.Options{Frontend: p.frontend, Backend: p.backend, Topics: topics, Queue: 20000})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return b
}

// next is what a client hears next.
func next(t *testing.T, b *bus.Bus) (topic string, payload []byte) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	frame, err := b.Receive(ctx)
	if err != nil {
		t.Fatalf("nothing was heard: %v", err)
	}
	topic, payload, err = message.Split(frame)
	if err != nil {
		t.Fatal(err)
	}
	return topic, payload
}

func say[M hippodamia.Message](t *testing.T, b *bus.Bus, topic string, m M) {
	t.Helper()
	frame, err := hippodamia.Frame(topic, m)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Publish(t.Context(), frame); err != nil {
		t.Fatal(err)
	}
}

// stored is what the database holds, when there is no watchdog.
func (p *plant) stored(t *testing.T, read func(watchdog.Store)) {
	t.Helper()
	s, err := database.Open(t.Context(), p.database, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	read(s)
	if err := s.Close(context.Background()); err != nil {
		t.Error(err)
	}
}

// services asks the watchdog whom it observes, again and again until it answers as
// wanted: it may not have heard all yet.
func (p *plant) services(t *testing.T, wanted func([]hippodamia.Service) bool) []hippodamia.Service {
	t.Helper()
	var topics hippodamia.Topics
	b := p.dial(t, topics.Reply())
	deadline := time.Now().Add(patience)
	for n := 0; ; n++ {
		id := fmt.Sprint("request ", n)
		say(t, b, topics.Query(), hippodamia.Query{RequestID: id, Timestamp: time.Now()})
		all := reply(t, b, id)
		if wanted(all) {
			return all
		}
		if time.Now().After(deadline) {
			t.Fatalf("it observes %+v", all)
		}
	}
}

// reply puts an answer together; nil: none came soon, as a watchdog was not there yet.
func reply(t *testing.T, b *bus.Bus, id string) (all []hippodamia.Service) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	for {
		frame, err := b.Receive(ctx)
		if err != nil {
			return nil
		}
		_, payload, _ := message.Split(frame)
		r, err := hippodamia.Parse[hippodamia.Services](payload)
		switch {
		case err != nil:
			t.Fatal(err)
		case r.RequestID != id:
			continue
		}
		if all = append(all, r.Services...); !r.More {
			return all
		}
	}
}

// python is the interpreter that Debian's python3-zmq belongs to.
const python = "/usr/bin/python3"

// agents is a process of agents.
type agents struct {
	in   io.WriteCloser
	out  *bufio.Scanner
	cmd  *exec.Cmd
	gids map[string]string // by name
}

func (p *plant) agents(t *testing.T, count int, prefix string) *agents {
	t.Helper()
	if err := exec.Command(python, "-c", "import zmq").Run(); err != nil {
		const remedy = "no pyzmq at " + python + " (%v); apt-get install python3-zmq"
		if os.Getenv("CI") == "true" {
			t.Fatalf(remedy, err)
		}
		t.Skipf(remedy, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	cmd := exec.CommandContext(ctx, python, "testdata/agents.py", p.frontend, p.backend, fmt.Sprint(count), prefix)
	cmd.Stderr = os.Stderr
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
	t.Cleanup(func() {
		in.Close()
		cancel()
		cmd.Wait()
	})
	return &agents{in, bufio.NewScanner(out), cmd, map[string]string{}}
}

// onboarded awaits so many responses.
func (a *agents) onboarded(t *testing.T, n int) {
	t.Helper()
	for range n {
		line := a.next(t)
		if line.GID == "" || line.Command != "" {
			t.Fatalf("%+v", line)
		}
		a.gids[line.Name] = line.GID
	}
}

// spoken is a line of theirs.
type spoken struct{ GID, UUID, Name, Command string }

func (a *agents) next(t *testing.T) (s spoken) {
	t.Helper()
	if !a.out.Scan() {
		t.Fatalf("the agents have ended: %v", a.out.Err())
	}
	if err := json.Unmarshal(a.out.Bytes(), &s); err != nil {
		t.Fatal(err)
	}
	return s
}

func (a *agents) say(t *testing.T, word string) {
	t.Helper()
	if _, err := fmt.Fprintln(a.in, word); err != nil {
		t.Fatal(err)
	}
}
