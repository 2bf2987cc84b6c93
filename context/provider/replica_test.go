package provider

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"zmicroservices/context/command"
	"zmicroservices/context/event"
	"zmicroservices/taskservice/message"
)

// Replicas are processes that know which they are; scaling is asked on the
// control socket.
func TestReplicasAreProcessesOfTheirOwn(t *testing.T) {
	c := file(t, "")
	dir := filepath.Dir(c.File)
	script := filepath.Join(dir, "who")
	text := "#!/bin/sh\necho \"$ZMS_SERVICE_ID $ZMS_REPLICA of $ZMS_REPLICAS\" > " + dir + "/$ZMS_SERVICE_ID.who\nexec sleep 600\n"
	if err := os.WriteFile(script, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
	s := start(t, file(t, strings.Replace(service("ts001", script, ""), "</Process>", `<replicas count="2"/></Process>`, 1)))
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	s.say("start")
	s.hearStarted(ctx, "ts001", "ts001.2")
	client, err := command.Dial(ctx, s.p.socket())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	scale := func(id event.TaskID, n int) command.Outcome {
		t.Helper()
		o, err := client.Scale(ctx, command.Scaling{Transaction: "T1", Request: uuid.NewString(), Replicas: map[event.TaskID]int{id: n}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	if o := scale("ts001", 3); !o.OK {
		t.Fatalf("%+v", o)
	}
	views, err := client.State(ctx, "T1")
	if err != nil {
		t.Fatal(err)
	}
	pids := map[int]bool{}
	for n, v := range views[0].Tasks {
		if v.State != event.Started || v.PID == 0 || pids[v.PID] || v.Replica != n+1 || v.Replicas != 3 {
			t.Errorf("%+v", v)
		}
		pids[v.PID] = true
	}
	for id, want := range map[string]string{"ts001": "ts001 1 of 2\n", "ts001.2": "ts001.2 2 of 2\n", "ts001.3": "ts001.3 3 of 3\n"} {
		who := filepath.Join(dir, id+".who")
		for deadline := time.Now().Add(60 * time.Second); ; <-time.After(10 * time.Millisecond) {
			if text, err := os.ReadFile(who); err == nil && string(text) == want {
				break
			} else if time.Now().After(deadline) {
				t.Fatalf("%s says %q, %v, want %q", id, text, err, want)
			}
		}
	}
	if o := scale("ts001", 1); !o.OK {
		t.Errorf("%+v", o)
	}
	if v := s.p.View("T1"); len(v.Tasks) != 1 || v.Tasks[0].State != event.Started {
		t.Errorf("%+v", v.Tasks)
	}
	if o := scale("ts009", 1); o.OK || o.Tasks["ts009"] == "" {
		t.Errorf("%+v", o)
	}
	if _, err := client.Scale(ctx, command.Scaling{Transaction: "T9", Request: "r", Replicas: map[event.TaskID]int{"ts001": 1}}, nil); err == nil {
		t.Error("scaled in a transaction that there is not")
	}
}

// hearStarted reads the bus until these have said started, in any order.
func (s *stage) hearStarted(ctx context.Context, ids ...string) {
	s.t.Helper()
	for len(ids) > 0 {
		frame, err := s.bus.Receive(ctx)
		if err != nil {
			s.t.Fatalf("waiting for %q to start: %v", ids, err)
		}
		_, payload, err := message.Split(frame)
		if err != nil {
			s.t.Fatal(err)
		}
		if c, err := message.ParseControl(payload); err == nil && c.Header.Action == "started" {
			ids = slices.DeleteFunc(ids, func(id string) bool { return id == c.Header.ServiceID })
		}
	}
}
