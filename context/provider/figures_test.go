package provider

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"zmicroservices/context/event"
)

func TestFiguresTellOfServicesAndOfOurselves(t *testing.T) {
	s := start(t, file(t, service("a", "/bin/sh -c 'echo hello; exec sleep 1000'", "")+service("b", "/bin/false", "")))
	s.say("start")
	pid := pid(t, s.hear("a", "started"))
	await(t, "its line to be in its log", func() bool { // the size of all logs is looked at seldom
		logs, _ := filepath.Glob(filepath.Join(s.p.opts.StateDir, "logs", "*", "a*"))
		return slices.ContainsFunc(logs, func(path string) bool {
			st, err := os.Stat(path)
			return err == nil && st.Size() > 0
		})
	})
	var f *event.Figures
	await(t, "the figures to have seen it", func() bool {
		f = s.p.figures.Figures(t.Context())
		return len(f.Services) == 2 && f.Services[1].State == event.Failed && f.Output.Bytes > 0 && f.Journal.Written > 0
	})
	if a := f.Services[0]; a.Transaction != "T1" || a.ID != "a" || a.PID != pid || a.State != event.Started || a.Uptime <= 0 {
		t.Errorf("a is %+v", a)
	}
	if f.Context != "context001" || f.Bus.Subscribers == 0 || f.Bus.In.Messages == 0 || f.Bus.Out.Messages == 0 || f.Queues.Slots == 0 {
		t.Errorf("figures are %+v", f)
	}
	if len(f.Self) != 2 || f.Self[0].PID != os.Getpid() || f.Self[1].PID != s.p.hold.current().PID() {
		t.Fatalf("of ourselves: %+v", f.Self)
	}
	for _, self := range f.Self {
		if self.RSS < 1<<20 || self.CPUSeconds <= 0 || self.FDs < 3 || self.Threads < 1 || self.Goroutines < 1 {
			t.Errorf("%s is said to cost %+v", self.Process, self)
		}
	}
	if again := s.p.figures.Figures(t.Context()); again.At.Sub(f.At) != 0 && again.At.Sub(f.At) < figuresPace {
		t.Errorf("they were made anew after %v", again.At.Sub(f.At))
	}
}
