package main

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"zmicroservices/context/event"
)

// Figures is of command.Figures: what its transactions cost.
func (p *localProvider) Figures(context.Context) *event.Figures {
	f := &event.Figures{
		At: began.Add(time.Hour), Context: "context001", Began: began, Services: []event.ServiceFigures{},
		Self: []event.SelfFigures{{Process: "provider", PID: 11, RSS: 38 << 20, CPU: 0.4, FDs: 20, Goroutines: 60}},
		Bus:  event.BusFigures{Publishers: 1, Subscribers: 2, In: event.Traffic{Messages: 10}, Out: event.Traffic{Messages: 20}, Dropped: event.Traffic{Messages: 3}},
	}
	for _, v := range p.Views() {
		for _, t := range v.Tasks {
			s := event.ServiceFigures{Transaction: v.Transaction, TaskView: t}
			if t.State == event.Started {
				s.Uptime = 3599
				s.Cost = &event.Cost{
					ProcessCost: event.ProcessCost{PID: t.PID, RSS: 12 << 20, CPU: 1.25, FDs: 9, Connections: map[string]int{"ESTABLISHED": 2}},
					Children:    []event.ProcessCost{{PID: 99, Parent: t.PID, RSS: 1 << 20, FDs: 3}},
				}
			}
			f.Services = append(f.Services, s)
		}
	}
	f.Output.Dropped = 4
	return f
}

func TestTopWithoutATerminal(t *testing.T) {
	file := localFile(t)
	p := startLocal(t, file)
	program(t, "top", file).expect(t, 0, "bus: 10 in, 20 out, 3 dropped, 0 denied", "context001 has no task services\n")
	p.transaction("5HGAHZ3WPZUI71PACRPP", threeTasks()...)
	p.transaction("6FDAHH3WPRVV7FGZCRIN", taskView("ts001", "Echo", event.Stopped, 17))
	r := program(t, "top", file)
	r.expect(t, 0, "", "")
	golden(t, "top.table", r.out)
	program(t, "top", file, "--transaction", "6FDAHH3WPRVV7FGZCRIN").expect(t, 0, "transaction 6FDAHH3WPRVV7FGZCRIN\n", "")

	r = program(t, "top", file, "-o", "json")
	var f event.Figures
	if err := json.Unmarshal([]byte(r.out), &f); err != nil || r.code != 0 || len(f.Services) != 4 || f.Services[0].ID != "ts001" {
		t.Errorf("%d, %v: %s%s", r.code, err, r.out, r.err)
	}
	if frames := p.published(); len(frames) > 0 {
		t.Errorf("a look left a trace on the bus: %q", frames)
	}
}

func TestTopFollowsAsLinesOfJSON(t *testing.T) {
	file := localFile(t)
	startLocal(t, file).transaction("5HGAHZ3WPZUI71PACRPP", threeTasks()...)
	ctx, cancel := context.WithCancel(t.Context())
	var out, err shared
	code := make(chan int, 1) // one run
	go func() {               // ends with ctx
		code <- run(ctx, []string{"top", file, "-o", "json", "-f", "--every", "100ms"}, testWorld(&out, &err))
	}()
	for deadline := time.Now().Add(20 * time.Second); strings.Count(out.String(), "\n") < 3 && time.Now().Before(deadline); {
		<-time.After(5 * time.Millisecond)
	}
	cancel()
	if c := <-code; c != 0 || err.String() != "" {
		t.Errorf("%d: %s", c, err.String())
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	for _, l := range lines {
		if !json.Valid([]byte(l)) {
			t.Errorf("no object: %s", l)
		}
	}
	if len(lines) < 3 {
		t.Errorf("%d lines", len(lines))
	}
}

func TestTopIsAskedForAsItCanBe(t *testing.T) {
	file := localFile(t)
	t.Setenv("ZMS_RUNTIME_DIR", t.TempDir())
	program(t, "top", file).expect(t, 3, "", "context001 has no provider on this machine")
	program(t, "top", file, "--follow").expect(t, 2, "", "--follow goes with -o json")
	program(t, "top", file, "--follow", "--once", "-o", "json").expect(t, 2, "", "--follow and --once are two things")
	program(t, "top", file, "--every", "1ms").expect(t, 2, "", "--every 1ms is less than 100ms")
	program(t, "top", file, "-o", "yaml").expect(t, 2, "", "neither table nor json")
	program(t, "top", "nowhere.xml").expect(t, 2, "", "nowhere.xml")
}

func TestATerminalIsOfferedWhatItCanShow(t *testing.T) {
	env := func(pairs ...string) func(string) string {
		return func(name string) string {
			for i := 0; i < len(pairs); i += 2 {
				if pairs[i] == name {
					return pairs[i+1]
				}
			}
			return ""
		}
	}
	for _, c := range []struct {
		get  func(string) string
		want bool
	}{
		{env(), false}, {env("LANG", "C"), false}, {env("LANG", "de_CH.UTF-8"), true}, {env("LANG", "C.utf8"), true},
		{env("LC_ALL", "C", "LANG", "de_CH.UTF-8"), false}, {env("LC_CTYPE", "C.UTF-8"), true},
	} {
		if got := speaksUnicode(c.get); got != c.want {
			t.Errorf("LC_ALL=%q LC_CTYPE=%q LANG=%q: %v", c.get("LC_ALL"), c.get("LC_CTYPE"), c.get("LANG"), got)
		}
	}
	for term, want := range map[string]bool{"": false, "dumb": false, "vt100": true, "xterm-256color": true} {
		if got := hasScreen(env("TERM", term)); got != want {
			t.Errorf("TERM=%s: %v", term, got)
		}
	}
}
