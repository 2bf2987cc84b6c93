package main

import (
	"encoding/json"
	"maps"
	"strings"
	"sync"
	"testing"

	"zmicroservices/context/command"
	"zmicroservices/context/event"
)

func TestScale(t *testing.T) {
	file := localFile(t)
	p := startLocal(t, file)
	p.transaction("T1", threeTasks()...)
	var mu sync.Mutex // guards asked
	var asked []command.Request
	p.on = func(p *localProvider, r command.Request) {
		mu.Lock()
		asked = append(asked, r)
		mu.Unlock()
		if r.Scale["ts009"] != 0 {
			p.answer(event.Outcome{Transaction: r.Transaction, Action: r.Action, Request: r.Cause.Request, Reason: "ts009: there is no such task service", Tasks: map[event.TaskID]string{"ts009": "there is no such task service"}})
			return
		}
		p.answer(event.Outcome{Transaction: r.Transaction, Action: r.Action, Request: r.Cause.Request, OK: true})
	}
	r := program(t, "scale", file, "ts001=3", "ts002=0")
	r.expect(t, 0, "transaction T1\n", "")
	mu.Lock()
	want := map[event.TaskID]int{"ts001": 3, "ts002": 0}
	if len(asked) != 1 || asked[0].Action != "scale" || !maps.Equal(asked[0].Scale, want) || !strings.HasPrefix(asked[0].Cause.By, "uid ") {
		t.Errorf("asked %+v", asked)
	}
	mu.Unlock()
	if !strings.Contains(r.out, "ts001") || strings.Contains(r.out, "ts003") {
		t.Errorf("not what was scaled: %s", r.out)
	}

	r = program(t, "scale", file, "ts001=-1", "-o", "json") // whether that can be is the provider's to say
	var said report
	if err := json.Unmarshal([]byte(r.out), &said); err != nil || !said.OK || said.Action != "scale" {
		t.Errorf("%v: %s", err, r.out)
	}
	program(t, "scale", file, "ts009=2").expect(t, 1, "transaction T1", "error: scale in transaction T1: ts009: there is no such task service\n")
	program(t, "scale", file, "ts001=2", "--no_wait").expect(t, 0, "transaction T1", "")
}

func TestScaleIsToldWhatToDo(t *testing.T) {
	file := localFile(t)
	program(t, "scale", file).expect(t, 2, "", "nothing to scale")
	program(t, "scale", file, "ts001").expect(t, 2, "", `"ts001" is no task service with its count`)
	program(t, "scale", file, "ts001=x").expect(t, 2, "", "write it as ts001=3")
	program(t, "scale", file, "ts001=1", "ts001=2").expect(t, 2, "", "two counts")
	t.Setenv("ZMS_RUNTIME_DIR", t.TempDir())
	program(t, "scale", file, "ts001=1").expect(t, 3, "", "has no provider on this machine")
	p := startLocal(t, file)
	program(t, "scale", file, "ts001=1").expect(t, 2, "", "--transaction: missing")
	p.transaction("T1", threeTasks()...)
	program(t, "scale", file, "ts001=1", "--transaction", "T9").expect(t, 1, "", `there is no transaction "T9"`)
}

func TestAReplicaIsNamedByItsID(t *testing.T) {
	file := localFile(t)
	p := startLocal(t, file)
	p.transaction("T1", threeTasks()...)
	program(t, "stop", file, "ts001.2", "--transaction", "T1").expect(t, 0, "", "")
	frames := p.published()
	if len(frames) == 0 || !strings.Contains(string(frames[0]), `"id": "ts001.2"`) || strings.Contains(string(frames[0]), `"id": "ts001"`) {
		t.Errorf("published %s", frames)
	}
	program(t, "stop", file, "ts009.2").expect(t, 2, "", `there is no task "ts009.2"`)
}
