// Package monitor judges what is reported of services on the bus by what the services
// really do: one that leaks, one that opens sockets, one that forks.
package monitor

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"zmicroservices/test/harness"
)

func TestMain(m *testing.M) {
	harness.Main(m, map[string]func() error{"leak": leak, "dial": dial, "fork": fork})
}

// atEach does something at the start and at every SIGUSR1, and says after each that it is done.
func atEach(do func() error) error {
	asked := make(chan os.Signal, 1)
	ended := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGUSR1)
	signal.Notify(ended, syscall.SIGTERM)
	for n := 0; ; n++ {
		mark := filepath.Join(os.Getenv("MARKS"), fmt.Sprint(n))
		if err := os.WriteFile(mark, nil, 0o600); err != nil {
			return err
		}
		select {
		case <-asked:
			if err := do(); err != nil {
				return err
			}
		case <-ended:
			return nil
		}
	}
}

const leaked = 32 << 20

var hoard [][]byte

func leak() error {
	return atEach(func() error {
		// Not make: the race detector takes as much again for what it watches.
		block, err := syscall.Mmap(-1, 0, leaked, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
		if err != nil {
			return err
		}
		for i := 0; i < len(block); i += 4096 {
			block[i] = 1
		}
		hoard = append(hoard, block)
		return nil
	})
}

func dial() error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	var kept []net.Conn
	return atEach(func() error {
		for range 3 {
			c, err := net.Dial("tcp", l.Addr().String())
			if err != nil {
				return err
			}
			a, err := l.Accept()
			if err != nil {
				return err
			}
			kept = append(kept, c, a)
		}
		return nil
	})
}

// fork has a child, which has one.
func fork() error {
	return atEach(func() error {
		cmd := exec.Command("/bin/sh", "-c", "sleep 1000 & echo; wait")
		out, err := cmd.StdoutPipe()
		if err != nil {
			return err
		}
		if err := cmd.Start(); err != nil {
			return err
		}
		_, err = out.Read(make([]byte, 1)) // the grandchild is there
		return err
	})
}

// scene is a provider with one service that plays a role, and who hears what it costs.
type scene struct {
	*harness.Provider
	t     *testing.T
	bus   *harness.Observer
	marks string
	steps int
}

const interval = 200 * time.Millisecond

func play(t *testing.T, role string, flags ...string) *scene {
	t.Helper()
	return playWithin(t, role, "", flags...)
}

// playWithin gives the service limits, too.
func playWithin(t *testing.T, role, limits string, flags ...string) *scene {
	t.Helper()
	s := &scene{t: t, marks: t.TempDir()}
	file := harness.Write(t, harness.File{Tasks: []harness.Task{{
		ID: "ts001", Command: harness.Self(t), Env: map[string]string{harness.RoleVariable: role, "MARKS": s.marks},
		Limits: limits,
	}}})
	s.Provider = harness.Start(t, file, append([]string{"--start", "--monitor_interval=" + interval.String()}, flags...)...)
	s.bus = harness.Observe(t, s.Provider, "context")
	s.done()
	return s
}

// done waits until the service has done its next step.
func (s *scene) done() {
	s.t.Helper()
	mark := filepath.Join(s.marks, fmt.Sprint(s.steps))
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(harness.Patience); ; <-tick.C {
		if _, err := os.Stat(mark); err == nil {
			s.steps++
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("step %d was not done within %v", s.steps, harness.Patience)
		}
	}
}

// entry is an object of a report.
type entry map[string]any

func (e entry) number(key string) float64 { n, _ := e[key].(float64); return n }

func (e entry) object(key string) entry { o, _ := e[key].(map[string]any); return o }

// entries are those of one kind.
func entries(m harness.Message, kind string) []entry {
	var found []entry
	data, _ := m.Status["data"].([]any)
	for _, d := range data {
		if o, ok := d.(map[string]any); ok && o["kind"] == kind {
			found = append(found, o)
		}
	}
	return found
}

// report waits for the next report in which the service has a process.
func (s *scene) report() (service entry, m harness.Message) {
	s.t.Helper()
	said := s.bus.Until("report of a process", func(m harness.Message) bool {
		all := entries(m, "service")
		return m.Action == "monitor" && len(all) == 1 && all[0]["pid"] != nil
	})
	m = said[len(said)-1]
	return entries(m, "service")[0], m
}

// step has the service do its thing, and gives the second report that was measured
// after it.
func (s *scene) step(before entry) entry {
	s.t.Helper()
	s.signal(before)
	s.done()
	doneAt := uptime(s.t, int(before.number("pid")))
	for measured := 0; ; {
		e, _ := s.report()
		if e.number("uptime_s") > doneAt {
			measured++
		}
		if measured == 2 {
			return e
		}
	}
}

func (s *scene) signal(of entry) {
	s.t.Helper()
	if err := syscall.Kill(int(of.number("pid")), syscall.SIGUSR1); err != nil {
		s.t.Fatal(err)
	}
}

// uptime is how long a process has lived, in seconds.
func uptime(t *testing.T, pid int) float64 {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+2:]))
	var ticks float64
	if _, err := fmt.Sscan(fields[19], &ticks); err != nil {
		t.Fatal(err)
	}
	up, err := os.ReadFile("/proc/uptime")
	if err != nil {
		t.Fatal(err)
	}
	var now float64
	if _, err := fmt.Sscan(string(up), &now); err != nil {
		t.Fatal(err)
	}
	return now - ticks/100
}
