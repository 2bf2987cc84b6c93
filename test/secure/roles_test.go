package secure

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"zmicroservices/taskservice/keys"
	"zmicroservices/test/harness"
)

// control is a report about a task service.
func control(id, mark string) string {
	return fmt.Sprintf(`control @@@ {"header": {"action": "updated", "service_id": %q, "service_name": "command", "service_transaction": "T1"},
		"content": {"status": {"device_action": "", "result": "success", "mark": %q}}}`, id, mark)
}

// order is a command about a task service.
func order(action, transaction, id string) string {
	return fmt.Sprintf(`context @@@ {"header": {"action": %q, "service_id": "context001", "service_name": "context",
		"service_transaction": %q, "request_id": "r-%[1]s"}, "content": {"configuration": {"TaskLogName": "T", "TaskService": [{"id": %[3]q}]}}}`, action, transaction, id)
}

func lifecycle(component, identity, mark string) string {
	return fmt.Sprintf(`choria.lifecycle.event.alive.%s @@@ {"identity":%q,"component":%[1]q,"mark":%[3]q}`, component, identity, mark)
}

var sleeper = harness.File{Tasks: []harness.Task{
	{ID: "ts001", Command: "/bin/sleep 86400"}, {ID: "ts002", Command: "/bin/sleep 86400"},
}}

func TestAKeyIsHeardAsItsRoleSays(t *testing.T) {
	r := newRing(t)
	operate, serve, observe := r.client("desk", keys.Operate), r.client("pump", keys.Serve, "ts001"), r.client("eye", keys.Observe)
	p := harness.Start(t, harness.Write(t, sleeper), "--curve="+r.dir)
	desk, pump, eye := join(t, p, operate).ready(), join(t, p, serve).ready(), join(t, p, observe).ready()
	desk.hail(pump, eye)

	// Everybody hears, and an operator is obeyed.
	desk.say(order("start", "T1", "ts001"))
	for _, b := range []*peer{desk, pump, eye} {
		b.hears(`"started"`)
	}
	if answer := desk.hears("command_result"); !strings.Contains(answer, "success") {
		t.Fatalf("a start was answered: %s", answer)
	}

	// Who serves speaks for its own task service.
	pump.say(
		control("ts002", "evil"), control("", "evil"), "control @@@ evil", "control@@@{}evil", `control @@@ ["evil"]`,
		lifecycle("ts002", "ts002", "evil"), lifecycle("ts001", "ts002", "evil"), lifecycle("host", "host", "evil"),
		lifecycle("Pump", "edge7/context001/ts002", "evil"), `hippodamia.contact @@@ {"name": "any", "config_id": "context001/ts002#2", "mark": "evil"}`,
		`hippodamia.state.ping @@@ {"gid": "ts002", "mark": "evil"}`, `hippodamia.contact @@@ {"service_id": "other", "mark": "evil"}`,
		// A reader in Go takes any spelling of a key, and an event out of its envelope.
		`hippodamia.contact @@@ {"name": "any", "Config_ID": "context001/ts002", "mark": "evil"}`,
		`hippodamia.contact @@@ {"config_id": "context001/ts001", "CONFIG_ID": "context001/ts002", "mark": "evil"}`,
		`choria.lifecycle.event.shutdown.x @@@ {"protocol": "io.choria.lifecycle.v1.shutdown", "component": "ts001", "identity": "host", "Identity": "edge7/context001/ts002", "mark": "evil"}`,
		`choria.lifecycle.event.shutdown.x @@@ {"specversion": "1.0", "source": "io.choria.lifecycle", "name": "ts001",
			"data": {"protocol": "io.choria.lifecycle.v1.shutdown", "component": "x", "identity": "edge7/context001/ts002", "mark": "evil"}}`,
		`process @@@ {"Task": {"message": {"header": {"action": "stop", "service_id": "ts001", "transaction": "T1"}}}, "mark": "evil"}`,
		`state @@@ {"header": {"action": "request", "service_id": "", "service_name": "state", "service_transaction": "T1"}, "mark": "evil"}`,
	)
	pump.sayFrames("harmless", control("ts002", "evil"))
	good := []string{
		control("ts001", "good1"), control("ts001.2", "good2"), lifecycle("ts001", "host", "good3"), lifecycle("pump", "ts001", "good4"),
		`hippodamia.state.ping @@@ {"gid": "ts001", "mark": "good5"}`, `hippodamia.contact @@@ {"name": "any", "mark": "good6"}`,
		`frames @@@ {"mark": "good7"}`, "no topic good8", lifecycle("Pump", "edge7/context001/ts001", "good9"),
		`hippodamia.contact @@@ {"name": "any", "config_id": "context001/ts001#2", "mark": "good10"}`,
		// Nor does it by a last will.
		`zms.will @@@ {"topic": "hippodamia.state.end", "payload": {"gid": "ts002", "mark": "good11"}}`,
		`zms.will @@@ {"topic": "hippodamia.state.end", "payload": {"gid": "ts001", "mark": "good12"}}`,
	}
	pump.say(good...)
	for i := range good {
		desk.hears(fmt.Sprintf("good%d", i+1))
	}
	desk.never("evil")

	// It is told why it may not command, and nothing has come of it.
	pump.say(order("stop", "T1", "ts001"))
	answer := pump.hears("r-stop")
	for _, part := range []string{"command_result", "failed", "pump", "has the role serve", "only the role operate"} {
		if !strings.Contains(answer, part) {
			t.Errorf("a stop by a key that serves is answered without %q: %s", part, answer)
		}
	}
	// Who observes is heard on nothing.
	eye.say("anything @@@ evil", control("ts001", "evil"))
	eye.say(order("restart", "T1", "ts001"))
	if answer := eye.hears("r-restart"); !strings.Contains(answer, "role observe") {
		t.Errorf("a restart by a key that observes is answered: %s", answer)
	}
	desk.say("mark @@@ last")
	for _, b := range []*peer{desk, pump, eye} {
		b.hears("mark @@@ last")
		b.never("evil")
		b.never(`"stopped"`)
		b.never("context @@@ {\"header\": {\"action\": \"stop\"")
	}
	denied(t, p, map[string]uint64{"desk": 0, "pump": 20, "eye": 3})
	if kept, refused := wills(t, p); kept != 1 || refused != 1 {
		t.Errorf("%d last wills are kept and %d refused, want 1 and 1", kept, refused)
	}
	p.Stop()
}

// wills counts those that an operator is shown.
func wills(t *testing.T, p *harness.Provider) (kept, refused int) {
	t.Helper()
	shown := p.Command("bus", p.File, "-o", "json")
	var report struct{ Wills struct{ Kept, Refused int } }
	if err := json.Unmarshal([]byte(shown.Stdout), &report); err != nil {
		t.Fatalf("%v: %s%s", err, shown.Stdout, shown.Stderr)
	}
	return report.Wills.Kept, report.Wills.Refused
}

// denied compares how many messages of each key were denied with what an operator is
// shown.
func denied(t *testing.T, p *harness.Provider, want map[string]uint64) {
	t.Helper()
	shown := p.Command("bus", p.File, "-o", "json")
	var report struct {
		Publishers []struct {
			Name, Role string
			Denied     uint64
		}
	}
	if err := json.Unmarshal([]byte(shown.Stdout), &report); err != nil {
		t.Fatalf("%v: %s%s", err, shown.Stdout, shown.Stderr)
	}
	for _, x := range report.Publishers {
		if n, known := want[x.Name]; known && n != x.Denied {
			t.Errorf("%s (%s): %d messages are shown as denied, want %d", x.Name, x.Role, x.Denied, n)
		}
		delete(want, x.Name)
	}
	if len(want) > 0 {
		t.Errorf("not shown: %v, of %s", want, shown.Stdout)
	}
}

func TestWhoHasNoKeyDoesNotComeIn(t *testing.T) {
	r := newRing(t)
	operate := r.client("desk", keys.Operate)
	unknown := r.secret("unknown", r.make(keys.Grant{Name: "unknown", Role: keys.Operate}), r.server)
	elsewhere := r.secret("elsewhere", r.make(keys.Grant{Name: "x"}), r.make(keys.Grant{Name: "another server"}))
	p := harness.Start(t, harness.Write(t, sleeper), "--curve="+r.dir)
	strangers := []*peer{join(t, p, unknown), join(t, p, elsewhere), join(t, p, "null"), join(t, p, "user:password")}
	desk := join(t, p, operate).ready()
	desk.hail()
	for _, s := range strangers {
		s.say("context @@@ evil")
		s.event("sub refused", "pub refused")
		s.never("joined")
	}
	desk.say("mark @@@ last")
	desk.hears("mark @@@ last")
	desk.never("evil")
	for _, s := range strangers {
		s.never("mark")
	}
	if p.Logged("peer refused") == 0 {
		t.Error("the log does not speak of a refused peer")
	}
	// A key that is added opens at once, while its owner keeps trying.
	late := r.make(keys.Grant{Name: "late", Role: keys.Operate})
	path := r.secret("late", late, r.server)
	waiting := join(t, p, path)
	waiting.event("sub refused", "pub refused")
	if err := late.CreatePublic(r.public("late")); err != nil {
		t.Fatal(err)
	}
	join(t, p, path).ready()
	p.Stop()
}

func TestAKeyThatIsRemovedIsOutAtOnce(t *testing.T) {
	r := newRing(t)
	desk, gone, changed := r.client("desk", keys.Operate), r.client("gone", keys.Operate), r.client("changed", keys.Operate)
	p := harness.Start(t, harness.Write(t, sleeper), "--curve="+r.dir)
	d, g, c := join(t, p, desk).ready(), join(t, p, gone).ready(), join(t, p, changed).ready()
	d.hail(g, c)
	if err := os.Remove(r.public("gone")); err != nil {
		t.Fatal(err)
	}
	g.event("sub left", "pub left", "sub refused", "pub refused")
	g.say("context @@@ evil")
	// What a key may do is changed by changing its file: its owner comes back as that.
	text, err := os.ReadFile(r.public("changed"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(r.public("changed"), []byte(strings.Replace(string(text), `"operate"`, `"observe"`, 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	c.event("sub left", "pub left", "sub joined", "pub joined", "pub ready")
	d.hail(c)
	c.say(order("start", "T1", "ts001"))
	if answer := c.hears("r-start"); !strings.Contains(answer, "role observe") {
		t.Errorf("answered: %s", answer)
	}
	d.say("mark @@@ last")
	d.hears("mark @@@ last")
	d.never("evil")
	d.never("left")
	p.Stop()
}
