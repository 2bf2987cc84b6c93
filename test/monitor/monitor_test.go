package monitor

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"zmicroservices/test/harness"
)

func TestALeakIsSeenWithinTwoTicks(t *testing.T) {
	s := play(t, "leak")
	before, _ := s.report()
	for range 2 {
		after := s.step(before)
		if grown := (after.number("rss") - before.number("rss")) * (1 << 20); grown < leaked*0.9 || grown > leaked*1.5 {
			t.Errorf("%d bytes were leaked, %.0f are reported", leaked, grown)
		}
		if after.object("total").number("rss") != after.number("rss") {
			t.Errorf("a process alone has another total: %v", after)
		}
		before = after
	}
	s.Stop()
}

func TestSocketsAreSeenWithinTwoTicks(t *testing.T) {
	s := play(t, "dial")
	before, _ := s.report()
	if n := before.object("connections").number("LISTEN"); n != 1 {
		t.Errorf("%v listeners: %v", n, before)
	}
	after := s.step(before)
	if n := after.object("connections").number("ESTABLISHED"); n != 6 {
		t.Errorf("%v connections, want both ends of 3: %v", n, after)
	}
	if n := after.number("num_fds") - before.number("num_fds"); n < 6 {
		t.Errorf("%v more descriptors: %v", n, after)
	}
	s.Stop()
}

func TestGrandchildrenAreSeenWithinTwoTicks(t *testing.T) {
	s := play(t, "fork")
	before, _ := s.report()
	after := s.step(s.step(before))
	children, _ := after["children"].([]any)
	if len(children) != 4 || after.object("total").number("processes") != 5 {
		t.Fatalf("2 children with a child each are reported as %v", after)
	}
	sum := after.number("rss")
	for _, c := range children {
		child, _ := c.(map[string]any)
		if !harness.Alive(int(entry(child).number("pid"))) || entry(child).number("rss") == 0 {
			t.Errorf("child %v", child)
		}
		sum += entry(child).number("rss")
	}
	if total := after.object("total").number("rss"); total < sum*0.999 || total > sum*1.001 {
		t.Errorf("total %v, the sum is %v", total, sum)
	}
	s.Stop()
}

// Every report is what the schema says, and tells of ourselves.
func TestReportsAreAsTheSchemaHasThem(t *testing.T) {
	schema, err := harness.LoadSchema(filepath.Join("..", "..", "conf", "process_monitor.schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	s := play(t, "dial")
	s.command("monitor_on", `{"interval": "0.2", "opened_files": true, "memory_maps": "true", "connections": "false"}`)
	plain, full := false, false
	for !plain || !full {
		e, m := s.report()
		_, document, _ := bytes.Cut(m.Raw, []byte("@@@"))
		if err := schema.Check(document); err != nil {
			t.Fatalf("%v\n%s", err, m.Raw)
		}
		if m.ServiceID != "context001" || m.ServiceName != "context" || m.Transaction != s.Transaction {
			t.Fatalf("header of %s", m.Raw)
		}
		_, files := e["opened_files"]
		_, maps := e["memory_maps"]
		_, connections := e["connections"]
		if files != maps || files == connections {
			t.Fatalf("neither the file's nor those that were asked for: %v", e)
		}
		full = full || files
		if !plain && full {
			s.command("monitor_on", "{}")
		}
		plain = plain || connections && full
		for i, name := range []string{"provider", "keeper"} {
			own := entries(m, "self")
			if len(own) != 2 || own[i]["process"] != name || own[i].number("rss") == 0 || own[i].number("goroutines") == 0 {
				t.Fatalf("ourselves: %v", own)
			}
		}
		if whole := entries(m, "transaction"); len(whole) != 1 || whole[0].number("running") != 1 {
			t.Fatalf("totals: %v", whole)
		}
	}
	s.command("monitor_off", "{}")
	off := len(s.bus.Waiting())
	s.command("monitor_on", `{"interval": "1h"}`)
	s.Stop()
	// One may have been under way, and one comes at once when it is asked for.
	if late := reports(s.bus.Rest()); late < 1 || late > 2 {
		t.Errorf("%d reports came after monitor_off, and %d before", late, off)
	}
}

func reports(said []harness.Message) (n int) {
	for _, m := range said {
		if m.Action == "monitor" {
			n++
		}
	}
	return n
}

func TestNothingIsReportedOnTheOriginalWire(t *testing.T) {
	s := play(t, "dial", "--wire=original")
	for configuration, want := range map[string]string{`{}`: "--wire original", `{"interval": "1ms"}`: "--wire original"} {
		if m := s.command("monitor_on", configuration); m.Status["result"] != "failed" || !strings.Contains(fmt.Sprint(m.Status["reason"]), want) {
			t.Errorf("%s: %v", configuration, m)
		}
	}
	s.Stop()
	if n := reports(s.bus.Rest()); n != 0 {
		t.Errorf("%d reports", n)
	}
}

func TestMonitoringThatMakesNoSenseIsRefused(t *testing.T) {
	s := play(t, "dial")
	for configuration, want := range map[string]string{
		`{"interval": "1ms"}`:      "too short; at least 100ms",
		`{"interval": "soon"}`:     `write it as "5s"`,
		`{"interval": 0}`:          "monitor_off does that",
		`{"connections": "maybe"}`: "neither true nor false",
	} {
		if m := s.command("monitor_on", configuration); m.Status["result"] != "failed" || !strings.Contains(fmt.Sprint(m.Status["reason"]), want) {
			t.Errorf("%s: %v", configuration, m)
		}
	}
	s.Transaction = "T0"
	if m := s.command("monitor_on", "{}"); !strings.Contains(fmt.Sprint(m.Status["reason"]), `no transaction "T0"`) {
		t.Errorf("unknown transaction: %v", m)
	}
}

// command sends a command on the bus and waits for its answer.
func (s *scene) command(action, configuration string) harness.Message {
	s.t.Helper()
	answers := harness.Observe(s.t, s.Provider, "control")
	const id = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
	pub := harness.Publisher(s.t, s.Publish)
	frame := fmt.Sprintf(`context @@@ {"header": {"action": %q, "service_id": "context001", "service_name": "context", "service_transaction": %q, "request_id": %q}, "content": {"configuration": %s}}`,
		action, s.Transaction, id, configuration)
	if err := pub.Send([]byte(frame)); err != nil {
		s.t.Fatal(err)
	}
	said := answers.Until("answer", func(m harness.Message) bool {
		return m.Status["device_action"] == "command_result" && m.Status["request_id"] == id
	})
	return said[len(said)-1]
}
