package command

import (
	"os"
	"strings"
	"testing"

	"zmicroservices/context/event"
	"zmicroservices/taskservice/message"
)

func TestAStartOfAKnownTaskIsAskedForWithItsCause(t *testing.T) {
	h := newHouse(t)
	h.hear(order("start", "T1", `"TaskLogName": "Mine", "TaskService": [{"id": "ts001"}]`))
	if len(h.asked) != 1 {
		t.Fatalf("asked %+v", h.asked)
	}
	r := h.asked[0]
	if r.Transaction != "T1" || r.Action != "start" || r.LogName != "Mine" || len(r.Tasks) != 1 || len(r.Refused) != 0 {
		t.Errorf("asked %+v", r)
	}
	if r.Tasks[0].Process.Command[0] != "/bin/sleep" {
		t.Errorf("the command is not the file's: %q", r.Tasks[0].Process.Command)
	}
	if r.Cause.Origin != event.ByOperator || r.Cause.By != "test" || r.Cause.Request != "r1" {
		t.Errorf("cause %+v", r.Cause)
	}
}

func TestEveryRefusalIsAnswered(t *testing.T) {
	for name, c := range map[string]struct{ frame, reason string }{
		"unknown action":         {order("dance", "T1", ""), `action "dance"`},
		"no transaction":         {order("start", "", `"TaskService": [{"id": "ts001"}]`), "service_transaction"},
		"unknown transaction":    {order("stop", "T9", `"TaskService": [{"id": "ts001"}]`), `no transaction "T9"`},
		"nothing to start":       {order("start", "T1", ""), "no task service to start"},
		"another context":        {strings.Replace(order("stop", "T1", ""), `"context001"`, `"other"`, 1), `"other" is not this context`},
		"a header without id":    {`context @@@ {"header": {"action": "start"}, "content": {}}`, "service_id"},
		"no JSON":                {"context @@@ {", ""},
		"top":                    {`state @@@ {"header": {"action": "top", "service_id": "", "service_name": "state", "service_transaction": "T1"}, "content": {"configuration": {}}}`, "measures nothing"},
		"monitoring":             {order("monitor_on", "T1", ""), "measures nothing"},
		"an unknown service":     {`process @@@ {"Task": {"message": {"header": {"action": "stop", "service_id": "ts009", "service_name": "x", "transaction": "T1"}}}}`, "ts009"},
		"a state without a name": {`state @@@ {"header": {"action": "request", "service_id": "", "service_transaction": "T1"}, "content": {}}`, "header.service_name"},
		"a process half said":    {`process @@@ {"Task": {"message": {"header": {"action": "stop", "service_id": 7, "transaction": "T1"}}}}`, "service_id"},
		"a process of nowhere":   {`process @@@ {"Task": {"message": {"header": {"action": "stop", "service_id": "ts001", "service_name": "x", "transaction": "T9"}}}}`, "T9"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.views = []*event.View{view("T1")}
			h.hear(c.frame)
			s := h.result(t)
			if s["result"] != "failed" {
				t.Errorf("status %v", s)
			}
			contains(t, s["reason"], c.reason)
			if len(h.asked) > 0 {
				t.Errorf("asked %+v", h.asked)
			}
		})
	}
}

func TestATaskThatOurFilesDoNotAllowIsRefusedAndItsNeighbourIsNot(t *testing.T) {
	h := newHouse(t)
	h.hear(order("start", "T1", `"TaskService": [{"id": "ts001"},
		{"id": "ts666", "topic": "process", "instance": "Evil", "serviceType": "Process",
		 "Process": {"command": "/bin/rm -rf /"}, "Task": {"message": {"header": {"service_name": "x"}, "content": {"configuration": {}}}, "state": {"type": "on_start"}}}]`))
	if len(h.asked) != 1 {
		t.Fatalf("asked %+v", h.asked)
	}
	r := h.asked[0]
	if len(r.Tasks) != 1 || r.Tasks[0].ID != "ts001" {
		t.Errorf("admitted %+v", r.Tasks)
	}
	contains(t, r.Refused["ts666"], "--allow_commands")
}

// A transaction for each refused start would stay for ever: nothing of it ever ends.
func TestACommandThatIsRefusedAltogetherBeginsNoTransaction(t *testing.T) {
	h := newHouse(t)
	evil := `"TaskService": [{"id": "ts666", "topic": "process", "instance": "Evil", "serviceType": "Process",
		"Process": {"command": "/bin/rm -rf /"}, "Task": {"message": {"header": {"service_name": "x"}, "content": {"configuration": {}}}, "state": {"type": "on_start"}}}]`
	h.hear(order("start", "T1", evil))
	if len(h.asked) != 0 {
		t.Errorf("asked %+v", h.asked)
	}
	if len(h.said) != 1 {
		t.Fatalf("said %q", h.said)
	}
	contains(t, h.said[0], `"result": "failed"`)
	contains(t, h.said[0], `"ts666": "task ts666: `)
	h.views = []*event.View{view("T1")}
	h.hear(order("start", "T1", evil))
	if len(h.asked) != 1 || h.asked[0].Refused["ts666"] == "" {
		t.Errorf("one that is there was asked %+v", h.asked)
	}
}

func TestAStopWithoutTasksAndTheNameAllMeanEverything(t *testing.T) {
	for _, frame := range []string{
		order("stop", "T1", ""),
		strings.Replace(order("restart", "T1", `"TaskService": [{"id": "ts001"}]`), `"service_name": "context"`, `"service_name": "all"`, 1),
	} {
		h := newHouse(t)
		h.views = []*event.View{view("T1")}
		h.hear(frame)
		if len(h.asked) != 1 || !h.asked[0].All {
			t.Errorf("asked %+v", h.asked)
		}
	}
}

func TestADirectStopIsToldToTheTransaction(t *testing.T) {
	h := newHouse(t)
	h.views = []*event.View{view("T1")}
	h.hear(`process @@@ {"Task": {"message": {"header": {"action": "stop", "service_id": "none", "service_name": "echo", "service_transaction": "T1"}}}}`)
	if len(h.asked) != 1 || !h.asked[0].Told || h.asked[0].Tasks[0].ID != "ts001" {
		t.Errorf("asked %+v", h.asked)
	}
}

func TestAConnectionSpeaksForTheIncarnationItBeganWith(t *testing.T) {
	h := newHouse(t)
	v := view("T1")
	h.views = []*event.View{v}
	word := `control @@@ {"header": {"action": "updated", "service_id": "ts001", "service_name": "echo", "service_transaction": "T1"},
		"content": {"status": {"result": "success", "pid": 12, "reason": "why", "device_action": ""}}}`
	h.hear(word)
	next := *v.Tasks[0]
	next.Incarnation = 3
	h.views = []*event.View{{Transaction: "T1", Tasks: []*event.TaskView{&next}}}
	h.hear(word)
	h.handler.Closed(operator.Conn)
	h.hear(word)
	if len(h.notices) != 3 {
		t.Fatalf("notices %+v", h.notices)
	}
	for i, want := range []event.Incarnation{2, 2, 3} {
		if n := h.notices[i]; n.Incarnation != want || n.Action != "updated" || n.PID != 12 || n.Reason != "why" {
			t.Errorf("notice %d: %+v, want incarnation %d", i, n, want)
		}
	}
}

func TestStateIsAnsweredInTheWordsOfTheOriginal(t *testing.T) {
	h := newHouse(t)
	h.views = []*event.View{view("T1")}
	h.hear(`state @@@ {"header": {"action": "request", "service_id": "", "service_name": "state", "service_transaction": "T1", "request_id": "q"}, "content": {"configuration": {}}}`)
	if len(h.said) != 1 {
		t.Fatalf("said %q", h.said)
	}
	_, payload, _ := message.Split([]byte(h.said[0]))
	s, err := message.ParseState(payload)
	if err != nil {
		t.Fatal(err)
	}
	if s.Header.Action != "reply_context" || s.Header.Transaction != "T1" || s.Header.RequestID != "q" {
		t.Errorf("header %+v", s.Header)
	}
	task := s.Content["tasks"].([]any)[0].(map[string]any)
	if task["service_id"] != "ts001" || task["action"] != "started" || task["state"] != "success" || number(task["pid"]) != 4711 {
		t.Errorf("task %v", task)
	}
}

func TestAnUnknownTransactionGetsAnEmptyStateAndAReason(t *testing.T) {
	h := newHouse(t)
	h.hear(`state @@@ {"header": {"action": "request", "service_id": "", "service_name": "state", "service_transaction": "T9"}, "content": {"configuration": {}}}`)
	if len(h.said) != 2 || !strings.Contains(h.said[0], "reply_context") {
		t.Fatalf("said %q", h.said)
	}
	contains(t, h.result(t)["reason"], "T9")
}

func TestStrangersAreNotHeard(t *testing.T) {
	h := newHouse(t)
	frame := []byte(order("exit", "T1", ""))
	for name, c := range map[string]struct {
		peer   Peer
		reason string
	}{
		"another uid":     {Peer{UID: os.Getuid() + 1, Loopback: true}, "uid"},
		"an unknown uid":  {Peer{UID: -1, Loopback: true, Name: "x"}, "uid could not be learned"},
		"another machine": {Peer{UID: -1, Name: "10.0.0.1:99"}, "--insecure"},
	} {
		t.Run(name, func(t *testing.T) {
			err := h.handler.Admit(c.peer, "context", frame)
			if err == nil {
				t.Fatal("admitted")
			}
			contains(t, err.Error(), c.reason)
			contains(t, h.result(t)["reason"], c.reason)
		})
	}
	for topic, frame := range map[string]string{
		"process": `process @@@ {"Task": {"message": {"header": {"action": "stop", "service_id": "ts001", "service_name": "x", "transaction": "T1"}}}}`,
		"state":   `state @@@ {"header": {"action": "request", "service_id": "", "service_name": "state", "service_transaction": "T1"}, "content": {}}`,
	} {
		if err := h.handler.Admit(Peer{UID: os.Getuid() + 1, Loopback: true}, topic, []byte(frame)); err == nil {
			t.Errorf("admitted on %s", topic)
		}
		contains(t, h.result(t)["reason"], "uid")
	}
	for name, p := range map[string]Peer{"root": {UID: 0}, "our uid": {UID: os.Getuid()}, "ourselves": {Self: true, UID: -1}} {
		if err := h.handler.Admit(p, "context", frame); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	h.handler.opts.Insecure = true
	if err := h.handler.Admit(Peer{UID: -1}, "context", frame); err != nil {
		t.Errorf("with Insecure: %v", err)
	}
	if err := h.handler.Admit(Peer{UID: -1, Loopback: true}, "context", frame); err == nil {
		t.Error("Insecure let in a local peer whom nobody knows")
	}
}

func TestStrangersCannotMakeUsTalk(t *testing.T) {
	h := newHouse(t)
	for range 1000 {
		_ = h.handler.Admit(Peer{UID: os.Getuid() + 1, Loopback: true}, "context", []byte(order("exit", "T1", "")))
	}
	if n := len(h.said); n == 0 || n > 2*fewPerSecond {
		t.Errorf("said %d times", n)
	}
}

func TestAStartedServiceGetsTheStartThatItMissed(t *testing.T) {
	h := newHouse(t)
	v := view("T1")
	v.Tasks[0].State, v.Tasks[0].Self, v.Tasks[0].PID = event.Starting, true, os.Getpid()
	h.views = []*event.View{v}
	mine := Peer{PID: os.Getpid()}
	for _, prefix := range []string{"", "proc", "process", "process @@@"} {
		frames := h.handler.Retained(mine, []byte(prefix))
		if len(frames) != 1 || !strings.Contains(string(frames[0]), `"transaction": "T1"`) {
			t.Errorf("prefix %q: %q", prefix, frames)
		}
	}
	if frames := h.handler.Retained(mine, []byte("control")); frames != nil {
		t.Errorf("control: %q", frames)
	}
	if frames := h.handler.Retained(Peer{PID: 1}, nil); frames != nil {
		t.Errorf("somebody else got %q", frames)
	}
	v.Tasks[0].State = event.Started
	if frames := h.handler.Retained(mine, nil); frames != nil {
		t.Errorf("once started: %q", frames)
	}
}

// FuzzDeliver says anything on any topic: it must be answered or dropped.
func FuzzDeliver(f *testing.F) {
	for _, frame := range []string{
		order("start", "T1", `"TaskService": [{"id": "ts001"}]`), order("stop", "T1", ""), order("exit", "", ""),
		`state @@@ {"header": {"action": "request"}}`, "process @@@ {}", "control @@@ []", "context @@@ null", "context",
	} {
		f.Add(frame)
	}
	h := newHouse(f)
	f.Fuzz(func(t *testing.T, frame string) {
		h.asked, h.notices, h.said = nil, nil, nil
		h.show(view("T1"))
		for _, topic := range h.handler.Topics() {
			h.handler.Deliver(operator, topic, []byte(frame))
		}
	})
}

func TestWhomATaskServiceRunsAsIsHeardOnControlAboutItAlone(t *testing.T) {
	const demo = 12345
	word := func(task string) []byte {
		return []byte(`control @@@ {"header": {"action": "updated", "service_id": "` + task + `", "service_name": "echo", "service_transaction": "T1"},
			"content": {"status": {"result": "success"}}}`)
	}
	h := newHouse(t)
	h.handler.opts.UIDOf = func(user string) (int, bool) { return demo, user == "demo" }
	v := view("T1")
	theirs, ours := *v.Tasks[0], *v.Tasks[0]
	theirs.User, ours.ID = "demo", "ts002"
	v.Tasks = []*event.TaskView{&theirs, &ours}
	h.views = []*event.View{v}
	for _, p := range []Peer{{UID: demo, Loopback: true}, {UID: demo + 1, Loopback: true}, {UID: -1, Loopback: true}} {
		for _, task := range []string{"ts001", "ts002", "ts009"} {
			h.handler.Deliver(p, "control", word(task))
		}
	}
	if len(h.notices) != 1 || h.notices[0].Ref.Task != "ts001" {
		t.Errorf("heard %+v", h.notices)
	}
	for topic, frame := range map[string]string{
		"context": order("exit", "T1", ""),
		"process": `process @@@ {"Task": {"message": {"header": {"action": "stop", "service_id": "ts001", "service_name": "x", "service_transaction": "T1"}}}}`,
	} {
		if err := h.handler.Admit(Peer{UID: demo, Loopback: true}, topic, []byte(frame)); err == nil {
			t.Errorf("admitted on %s", topic)
		}
	}
}
