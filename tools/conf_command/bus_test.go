package main

import (
	"context"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"zmicroservices/context/command"
)

// report is a bus with two topics and too many, three publishers and three subscribers.
func (p *localProvider) BusReport() command.BusReport {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reports++
	uid := 1000
	frames := command.BusTopic{
		Topic: "frames", Flow: command.Flow{Messages: 1234567, Bytes: 246913400}, Rate: 30, ByteRate: 6000, Last: began.Add(-12 * time.Millisecond),
	}
	all := frames
	all.Publishers, all.Subscribers, all.Dropped = 1, 2, &command.Flow{Messages: 4711, Bytes: 942200}
	long := command.BusTopic{
		Topic: strings.Repeat("choria.lifecycle.event.", 3)[:64], Flow: command.Flow{Messages: 3, Bytes: 600}, Last: began.Add(-3 * time.Hour),
	}
	driving := command.BusTopic{Topic: "\x1b[31m", Flow: command.Flow{Messages: 10000, Bytes: 1}, Rate: 12345.6, ByteRate: 2.5e9, Last: began}
	other := command.BusTopic{Other: true, Flow: command.Flow{Messages: 9999, Bytes: 77}, Rate: 1, ByteRate: 7, Last: began.Add(-time.Minute)}
	return command.BusReport{
		At: began, ContextID: "context001", Connections: 6, Accepted: 9, Refused: 2, Denied: 1, Memory: 3 << 20,
		In: command.Flow{Messages: 1254569, Bytes: 1}, Out: command.Flow{Messages: 2, Bytes: 2}, Dropped: command.Flow{Messages: 4711, Bytes: 942200},
		Topics: []command.BusTopic{driving, long, all, other},
		Publishers: []command.BusPublisher{
			{BusPeer: command.BusPeer{Addr: "the provider"}, Flow: command.Flow{Messages: 3, Bytes: 600}, Topics: []command.BusTopic{long}},
			{
				BusPeer: command.BusPeer{Conn: 1, Addr: "127.0.0.1:40312", UID: &uid, Transaction: testTransaction, Task: "ts001"},
				Flow:    frames.Flow, Rate: 30, Topics: []command.BusTopic{frames},
			},
			{
				BusPeer: command.BusPeer{Conn: 2, Addr: "[2001:db8:1234:5678:9abc:def0:1234:5678]:65535"},
				Flow:    command.Flow{Messages: 19999, Bytes: 78}, Rate: 12346.6, Denied: 1, Topics: []command.BusTopic{driving, other},
			},
		},
		Subscribers: []command.BusSubscriber{
			{BusPeer: command.BusPeer{Conn: 3, Addr: "ipc:///run/x/back", UID: &uid, PID: 77}, Prefixes: []string{""}, Count: 1, Out: command.Flow{Messages: 5}},
			{
				BusPeer: command.BusPeer{Conn: 4, Addr: "127.0.0.1:2", UID: &uid, Transaction: testTransaction, Task: "a_task_service_with_a_name"}, Count: 300,
				Prefixes: []string{"control", "frames"}, Dropped: command.Flow{Messages: 4711, Bytes: 942200}, Queued: command.Flow{Messages: 10000, Bytes: 1},
			},
			{BusPeer: command.BusPeer{Conn: 5, Addr: "10.0.0.1:9"}, Prefixes: []string{}},
		},
	}
}

func TestBus(t *testing.T) {
	file := localFile(t)
	startLocal(t, file)
	r := program(t, "bus", file)
	r.expect(t, 0, "", "")
	golden(t, "bus.table", r.out)
	for line := range strings.Lines(r.out) {
		if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); n > 80 {
			t.Errorf("%d columns: %s", n, line)
		}
	}
	r = program(t, "bus", file, "-o", "json")
	r.expect(t, 0, "", "")
	golden(t, "bus.json", r.out)
	program(t, "bus", file, "ts001").expect(t, 2, "", "accepts at most 1 arg")
	program(t, "bus", file, "-o", "xml").expect(t, 2, "", `--output "xml" is neither table nor json`)
}

func TestBusIsFollowedUntilInterrupted(t *testing.T) {
	file := localFile(t)
	p := startLocal(t, file)
	for _, tt := range []struct {
		args     []string
		terminal bool
		want     string
	}{
		{[]string{"-f"}, false, "\n\ncontext001: "},
		{[]string{"-f"}, true, clearScreen + "context001: "},
		{[]string{"-f", "-o", "json"}, true, "}\n{\"at\":\"2026-11-20T12:00:00Z\",\"context_id\":\"context001\""},
	} {
		ctx, interrupt := context.WithCancel(t.Context())
		var out, err shared
		w := testWorld(&out, &err)
		w.terminal = tt.terminal
		code := make(chan int, 1)
		go func() { code <- run(ctx, append([]string{"bus", file}, tt.args...), w) }() // ends with the interrupt
		saw(t, &out, tt.want)
		interrupt()
		if got := <-code; got != 0 || err.String() != "" {
			t.Errorf("code %d, %s", got, err.String())
		}
	}
	if p.reports < 5 {
		t.Errorf("%d reports", p.reports)
	}
}

func TestBusWithoutAProvider(t *testing.T) {
	t.Setenv("ZMS_RUNTIME_DIR", t.TempDir())
	program(t, "bus", localFile(t)).expect(t, 3, "", "context001 has no provider on this machine")
}

func TestAmountsFitTheirColumns(t *testing.T) {
	for n, want := range map[float64]string{0: "0", 999: "999", 9999: "9999", 10000: "10k", 12345: "12.3k", 999999: "1M", 1234567: "1.23M", 2.5e9: "2.5G"} {
		if got := short(n); got != want || len(got) > 6 {
			t.Errorf("%v is %s, want %s", n, got, want)
		}
	}
	for d, want := range map[time.Duration]string{
		-1: "0ms", 12 * time.Millisecond: "12ms", 90 * time.Second: "90s", time.Hour: "60m", 30 * time.Hour: "30h", 72 * time.Hour: "3d",
	} {
		if got := ago(d); got != want {
			t.Errorf("%v is %s, want %s", d, got, want)
		}
	}
}
