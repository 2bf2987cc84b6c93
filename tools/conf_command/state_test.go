package main

import (
	"encoding/json"
	"os"
	"testing"

	"zmicroservices/context/event"
	"zmicroservices/taskservice/message"
)

func TestStateShowsEveryTransaction(t *testing.T) {
	file := localFile(t)
	p := startLocal(t, file)
	program(t, "state", file).expect(t, 0, "", "context001 has no transactions\n")
	p.transaction("5HGAHZ3WPZUI71PACRPP", threeTasks()...)
	p.transaction("6FDAHH3WPRVV7FGZCRIN", taskView("ts001", "Echo", event.Stopped, 17))

	r := program(t, "state", file)
	r.expect(t, 0, "", "")
	golden(t, "state.table", r.out)

	r = program(t, "state", file, "-o", "json")
	r.expect(t, 0, "", "")
	golden(t, "state.json", r.out)

	r = program(t, "state", file, "ts002", "--transaction", "5HGAHZ3WPZUI71PACRPP")
	r.expect(t, 0, "", "")
	golden(t, "state-one.table", r.out)

	if frames := p.published(); len(frames) > 0 {
		t.Errorf("a question left a trace on the bus: %q", frames)
	}
}

func TestStateOfAnUnknownTransaction(t *testing.T) {
	file := localFile(t)
	p := startLocal(t, file)
	p.transaction("T1", threeTasks()...)
	program(t, "state", file, "--transaction", "T2").expect(t, 1, "", "error: there is no transaction \"T2\"; there are T1\n")
	program(t, "state", file, "ts9").expect(t, 2, "", "there is no task \"ts9\"")
}

func TestStateInColour(t *testing.T) {
	file := localFile(t)
	startLocal(t, file).transaction("T1", threeTasks()...)
	var out, err shared
	w := testWorld(&out, &err)
	w.colour = true
	if code := run(t.Context(), []string{"state", file}, w); code != 0 {
		t.Fatal(err.String())
	}
	golden(t, "state.colour", out.String())
}

// The frame was recorded from the original's bus.
func TestPictureOfARecordedReply(t *testing.T) {
	frame, err := os.ReadFile("testdata/frames/reply-context.frame")
	if err != nil {
		t.Fatal(err)
	}
	_, payload, err := message.Split(frame)
	if err != nil {
		t.Fatal(err)
	}
	s, err := message.ParseState(payload)
	if err != nil {
		t.Fatal(err)
	}
	got, err := json.MarshalIndent(pictureFromBus(s.Header.Transaction, s.Content), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "reply-context.json", string(got)+"\n")
}

func TestStateAfterAnAction(t *testing.T) {
	tests := []struct{ action, result, want string }{
		{"defined", "success", "defined"}, {"start", "in_progress", "starting"}, {"started", "success", "started"},
		{"started", "failure", "failed"}, {"created", "success", "created"}, {"created", "failed", "failed"},
		{"updated", "success", "started"}, {"failed", "failure", "failed"}, {"stop", "in_progress", "stopping"},
		{"stopped", "success", "stopped"}, {"exited", "", "stopped"}, {"restart", "in_progress", "starting"},
		{"update", "success", ""}, {"", "", ""},
	}
	for _, tt := range tests {
		if got := stateAfter(tt.action, tt.result); got != tt.want {
			t.Errorf("after %s %s: %q, want %q", tt.action, tt.result, got, tt.want)
		}
	}
}
