package churn

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"zmicroservices/context/command"
	"zmicroservices/context/event"
	"zmicroservices/test/harness"
)

// scene is a provider with a transaction whose services come and go.
type scene struct {
	*harness.Provider
	t    *testing.T
	took atomic.Int64 // things that operators and others have done
}

func TestSoakChurnLeavesNothingBehind(t *testing.T) {
	long := length
	if text := os.Getenv("CHURN"); text != "" {
		var err error
		if long, err = time.ParseDuration(text); err != nil {
			t.Fatalf("CHURN: %v", err)
		}
	}
	s := &scene{Provider: harness.Start(t, file(t), append(bounds, "--start")...), t: t}
	ctx, cancel := context.WithTimeout(t.Context(), long)
	defer cancel()
	var doing sync.WaitGroup
	for _, do := range []struct {
		pause time.Duration
		what  func(context.Context)
	}{
		{700 * time.Millisecond, s.operate}, {2 * time.Second, s.visit}, {time.Second, s.scale},
		{300 * time.Millisecond, s.kill}, {500 * time.Millisecond, s.listen}, {900 * time.Millisecond, s.ask},
	} {
		doing.Go(func() { // ends with ctx, after what it is doing
			tick := time.NewTicker(do.pause)
			defer tick.Stop()
			for {
				do.what(ctx)
				s.took.Add(1)
				select {
				case <-tick.C:
				case <-ctx.Done():
					return
				}
			}
		})
	}
	samples := s.watch(ctx)
	doing.Wait()
	if t.Failed() {
		return
	}
	rows := s.rows()
	t.Logf("%d things were done in %v, the journal's last row is %d", s.took.Load(), long, rows)
	if long >= time.Minute {
		judge(t, samples)
	}
	s.Stop()                                                     // nothing is left of it
	if files, _, _ := below(filepath.Dir(s.Socket)); files > 2 { // the locks
		t.Errorf("%v files are left in the runtime directory", files)
	}
}

// watch takes samples until ctx ends.
func (s *scene) watch(ctx context.Context) (samples []sample) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			samples = append(samples, s.look())
			if n := len(samples); n%18 == 0 {
				s.t.Logf("sample %d: %v", n, samples[n-1])
			}
		case <-ctx.Done():
			return samples
		}
	}
}

// rows is the number of the journal's last row.
func (s *scene) rows() int64 {
	c := s.dial()
	defer c.Close()
	entries, err := c.History(s.t.Context(), command.HistoryQuery{Limit: 1})
	if err != nil || len(entries) == 0 {
		s.t.Errorf("history: %v %v", entries, err)
		return 0
	}
	return entries[len(entries)-1].Row
}

func (s *scene) dial() *command.Client {
	c, err := command.Dial(context.Background(), s.Socket)
	if err != nil {
		s.t.Error(err)
		return nil
	}
	return c
}

// must runs a command that is not to be refused.
func (s *scene) must(args ...string) string {
	r := s.Command(args...)
	if r.Code != 0 {
		s.t.Errorf("conf_command %s: %+v", strings.Join(args, " "), r)
	}
	return r.Stdout
}

// operate stops, starts and restarts.
func (s *scene) operate(context.Context) {
	of := "--transaction=" + s.Transaction
	switch rand.IntN(3) {
	case 0:
		s.must("restart", of, s.File, "talk0")
	case 1:
		s.must("stop", of, s.File, "brief0", "daemon")
		s.must("start", of, s.File, "brief0", "daemon")
	case 2:
		s.must("restart", of, s.File, "prey", "notice")
	}
}

// visit makes a transaction, and ends it.
func (s *scene) visit(context.Context) {
	out := s.must("start", s.File, "guest1", "guest2")
	first, _, _ := strings.Cut(out, "\n")
	if id, ok := strings.CutPrefix(first, "transaction "); ok {
		s.must("start", "--transaction="+id, s.File, "guest1", "guest2")
		s.must("stop", "--transaction="+id, s.File)
	}
}

// scale changes the number of replicas.
func (s *scene) scale(context.Context) {
	s.must("scale", "--transaction="+s.Transaction, s.File, fmt.Sprintf("many=%d", 1+rand.IntN(4)))
}

// kill kills a service, whichever it is.
func (s *scene) kill(ctx context.Context) {
	c := s.dial()
	if c == nil {
		return
	}
	defer c.Close()
	views, err := c.State(ctx, s.Transaction)
	if err != nil || len(views) == 0 {
		return // ctx has ended
	}
	var alive []*event.TaskView
	for _, t := range views[0].Tasks {
		if t.PID > 0 && t.State == event.Started {
			alive = append(alive, t)
		}
	}
	if len(alive) > 0 {
		_ = syscall.Kill(alive[rand.IntN(len(alive))].PID, syscall.SIGKILL) // it may have ended meanwhile
	}
}

// listen subscribes, hears a little, and goes; sometimes without a word.
func (s *scene) listen(ctx context.Context) {
	c, err := harness.NewSubscriber(s.Subscribe, "control", "context", "state")
	if err != nil {
		s.t.Error(err)
		return
	}
	defer c.Close()
	stop := context.AfterFunc(ctx, func() { _ = c.Close() })
	defer stop()
	for range rand.IntN(4) {
		if _, err := c.Receive(); err != nil {
			return // closed
		}
	}
	p, err := harness.NewPublisher(s.Publish)
	if err != nil {
		s.t.Error(err)
		return
	}
	defer p.Close()
	_ = p.Send([]byte("weather @@@ {}"))
}

// ask asks questions, and follows a log for a moment.
func (s *scene) ask(ctx context.Context) {
	c := s.dial()
	if c == nil {
		return
	}
	defer c.Close()
	brief, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
	defer cancel()
	_, _ = c.Why(brief, s.Transaction, "prey") // whatever was reached in its time
	_, _ = c.History(brief, command.HistoryQuery{Limit: 100})
	_ = c.Logs(brief, command.LogQuery{Transaction: event.TransactionID(s.Transaction), Last: 10, Follow: true}, func([]command.LogLine) error { return nil })
}
