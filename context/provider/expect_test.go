package provider

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"zmicroservices/context/event"
	"zmicroservices/taskservice/bus"
)

// publishing is a service that publishes on a topic, as often a second as it is told,
// so many messages, and then lives on in silence.
func publishing(args []string) int {
	rate, _ := strconv.Atoi(args[1])
	left, _ := strconv.Atoi(args[2])
	b, err := bus.Dial(context.Background(), bus.Options{Backend: os.Getenv("ZMS_BACKEND")})
	if err != nil {
		fmt.Println(err)
		return 3
	}
	for range time.Tick(time.Second / time.Duration(rate)) {
		if left == 0 {
			break
		}
		left--
		if err := b.Publish(context.Background(), []byte(args[0]+" @@@ {}")); err != nil {
			fmt.Println(err)
			return 3
		}
	}
	select {}
}

// expects is a service by command with an expectation.
func expects(id, command, expect string) string {
	return strings.Replace(service(id, command, ""), "<Task>", expect+"<Task>", 1)
}

func TestAServiceThatFallsSilentOrBabblesFailsWithThatCause(t *testing.T) {
	publish := self(t) + " publish frames"
	s := start(t, file(t,
		expects("good", publish+" 200 1000000", `<expect topic="frames" min="1/s" max="100000/s" age="20s" within="2s"/>`)+
			expects("silent", publish+" 50 20", `<expect topic="frames" min="20/s" within="500ms"/>`)+
			expects("babbler", publish+" 200 1000000", `<expect topic="frames" max="5/s" within="500ms"/>`)+
			expects("mute", "/bin/sleep 1000", `<expect topic="mute.frames" age="100ms" within="300ms"/>`)))
	s.say("start")
	for id, want := range map[event.TaskID][2]string{
		"silent":  {"topic frames came ", "/s, min 20/s, for 500ms"},
		"babbler": {"topic frames came ", "/s, max 5/s, for 500ms"},
		"mute":    {"topic mute.frames did not come for ", ", age 100ms"},
	} {
		v := s.task(id, "failed", func(v *event.TaskView) bool { return v.State == event.Failed && !v.Present })
		if !strings.HasPrefix(v.Reason, want[0]) || !strings.HasSuffix(v.Reason, want[1]) || v.Cause.Origin != event.ByFlow {
			t.Errorf("%s: %+v", id, v)
		}
		why, err := s.p.Why(t.Context(), "T1", id)
		if err != nil || !strings.Contains(why.Text, " because "+want[0]) {
			t.Errorf("why %q: %v", why.Text, err)
		}
	}
	// Though all of them published on one topic.
	if v := s.p.View("T1").Task("good"); v.State != event.Started {
		t.Errorf("good: %+v", v)
	}
}

func TestAServiceThatFallsSilentIsRestartedByItsPolicy(t *testing.T) {
	s := start(t, file(t, strings.Replace(expects("frames", self(t)+" publish frames 50 30", `<expect topic="frames" age="200ms" within="500ms"/>`),
		"</Process>", `<restart policy="on-failure"/></Process>`, 1)))
	s.say("start")
	first := pid(t, s.hear("frames", "started"))
	failed := s.hear("frames", "failed")
	if reason := fmt.Sprint(failed.Status["reason"]); !strings.HasPrefix(reason, "topic frames ") {
		t.Errorf("reason %q", reason)
	}
	if second := pid(t, s.hear("frames", "started")); second == first {
		t.Errorf("pid %d after %d", second, first)
	}
	why, err := s.p.Why(t.Context(), "T1", "frames")
	if err != nil || !strings.Contains(why.Text, "frames failed because topic frames ") {
		t.Errorf("why %q: %v", why.Text, err)
	}
}

// Whose connection it is is known over TCP, too, and of a child of the service.
func TestOwnersOverTCP(t *testing.T) {
	c := file(t, expects("frames", "/bin/sh -c '"+self(t)+" publish frames 100 1000000; true'", `<expect topic="frames" max="1/s" within="300ms"/>`)+
		expects("other", self(t)+" publish frames 100 1000000", `<expect topic="none" max="1/s" within="300ms"/>`))
	c.FrontBind, c.BackendBind = "tcp://127.0.0.1:0", "tcp://127.0.0.1:0"
	c.FrontEndEndpoint, c.BackendEndpoint = "tcp://127.0.0.1:1", "tcp://127.0.0.1:1"
	s := start(t, c)
	s.say("start")
	owners := map[event.TaskID]bool{}
	await(t, "both connections", func() bool {
		for _, x := range s.p.sent(map[string]bool{"frames": true})["frames"] {
			owners[x.Owner.Task] = true
		}
		return owners["frames"] && owners["other"]
	})
	s.task("frames", "failed", func(v *event.TaskView) bool { return v.Cause.Origin == event.ByFlow })
}
