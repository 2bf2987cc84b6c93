package main

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"zmicroservices/context/command"
)

func TestHistory(t *testing.T) {
	file := localFile(t)
	p := startLocal(t, file)
	program(t, "history", file).expect(t, 0, "", "the journal of context001 has nothing of that\n")
	program(t, "history", file, "-o", "json").expect(t, 0, `"rows": []`, "")
	p.remember()

	r := program(t, "history", file)
	r.expect(t, 0, "", "")
	golden(t, "history.table", r.out)

	r = program(t, "history", file, "-o", "json")
	r.expect(t, 0, "", "")
	golden(t, "history.json", r.out)

	// Of several task services: in the order of the journal, the last of all.
	r = program(t, "history", file, "ts002", "ts001", "--limit", "2")
	r.expect(t, 0, "", "")
	golden(t, "history-two.table", r.out)
}

func TestHistoryAsksForWhatTheOptionsSay(t *testing.T) {
	file := localFile(t)
	p := startLocal(t, file)
	program(t, "history", file, "ts001", "--since", "90m", "--until", "2026-11-20T13:00:00+01:00", "--limit", "7", "--transaction", "T1", "-o", "json").expect(t, 0, "", "")
	program(t, "history", file, "all", "--since", "2026-11-20 11:00:00.250", "-o", "json").expect(t, 0, "", "")
	want := []command.HistoryQuery{
		{Transaction: "T1", Task: "ts001", Since: began.Add(-30 * time.Minute), Until: began, Limit: 7},
		{Since: began.Add(-time.Hour + 250*time.Millisecond), Limit: 100},
	}
	if diff := cmp.Diff(want, p.queries()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestHistoryRefusesTimesThatAreNone(t *testing.T) {
	file := localFile(t)
	for _, tt := range []struct{ flag, value, want string }{
		{"--since", "yesterday", `error: --since "yesterday" is neither a time (2026-11-20T12:00:00Z) nor how long ago it was (1h)`},
		{"--since", "-1h", "--since -1h is in the future"},
		{"--until", "12", `--until "12" is neither`},
		{"--until", "2h", "--since 1h is not before --until 2h"},
		{"--limit", "0", "--limit 0 is less than one row"},
	} {
		program(t, "history", file, "--since=1h", tt.flag+"="+tt.value).expect(t, 2, "", tt.want)
	}
	program(t, "history", file, "ts9").expect(t, 2, "", `there is no task "ts9"`)
}
