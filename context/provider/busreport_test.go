package provider

import (
	"testing"

	"zmicroservices/context/command"
	"zmicroservices/taskservice/bus"
)

func TestTheBusIsToldByTopicAndPeer(t *testing.T) {
	s := start(t, file(t, process("frames", self(t)+" publish frames 100 1000000", "")))
	s.say("start")
	listener, err := bus.Dial(t.Context(), bus.Options{Frontend: s.p.FrontEnd(), Topics: []string{"frames"}})
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close(t.Context())
	var c *command.Client
	await(t, "the control socket", func() bool { // which is bound when the bus is there already
		c, err = command.Dial(t.Context(), s.p.socket())
		return err == nil
	})
	defer c.Close()
	var r command.BusReport
	await(t, "frames on the bus", func() bool {
		if err := c.Bus(t.Context(), false, func(x command.BusReport) error { r = x; return nil }); err != nil {
			t.Fatal(err)
		}
		for _, x := range r.Topics {
			if x.Topic == "frames" && x.Rate > 0 && x.Publishers == 1 && x.Subscribers == 1 && x.Dropped.Messages == 0 {
				return true
			}
		}
		return false
	})
	known := map[string]bool{}
	for _, x := range r.Publishers {
		switch {
		case x.Conn == 0:
			known["ourselves"] = len(x.Topics) > 0
		case x.Task == "frames":
			known["the service"] = x.Transaction == "T1" && x.PID > 0 && len(x.Topics) == 1 && x.Topics[0].Messages == x.Messages
		case x.Topics[0].Topic == "context":
			known["the operator"] = x.Task == ""
		}
	}
	for _, x := range r.Subscribers {
		if len(x.Prefixes) == 1 && x.Prefixes[0] == "frames" {
			known["the subscriber"] = x.Out.Messages > 0 && x.Count == 1
		}
	}
	if r.ContextID != "context001" || r.Connections < 4 || !known["ourselves"] || !known["the service"] || !known["the operator"] || !known["the subscriber"] {
		t.Errorf("known %v in %+v", known, r)
	}
}
