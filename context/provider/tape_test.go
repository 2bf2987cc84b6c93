package provider

import (
	"fmt"
	"strings"
	"testing"

	"zmicroservices/context/command"
	"zmicroservices/context/event"
)

func TestWhatIsPlayedBackIsForSubscribersAlone(t *testing.T) {
	s := start(t, file(t, service("ts001", "/bin/sleep 1000", "")))
	s.say("start")
	s.hear("ts001", "started")
	frame := fmt.Appendf(nil, `control @@@ {"header":{"action":"failed","service_id":"ts001","service_name":"n","transaction":"T1","service_transaction":"T1"},"content":{"status":{"device_action":"act","result":"failure"}}}`)
	player := tape{s.p}
	if err := player.Play(command.Peer{UID: 0, Name: "test"}, [][]byte{frame}, false); err != nil {
		t.Fatal(err)
	}
	s.hear("ts001", "failed") // a subscriber does
	if v := s.p.View("T1").Task("ts001"); v.State != event.Started {
		t.Errorf("view %+v", v)
	}
	err := player.Play(command.Peer{}, [][]byte{[]byte("frames"), []byte("process @@@ {}")}, false)
	if err == nil || !strings.Contains(err.Error(), "messages on process are not played back") {
		t.Errorf("got %v", err)
	}
	if err := player.Play(command.Peer{UID: -1, Name: "stranger"}, [][]byte{[]byte("context @@@ {}")}, true); err == nil {
		t.Error("a command of nobody is carried out")
	}
	if err := player.Play(command.Peer{UID: 0, Name: "test"}, [][]byte{frame}, true); err != nil {
		t.Fatal(err)
	}
	s.task("ts001", "failed", func(v *event.TaskView) bool { return v.State == event.Failed })
}
