package secure

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"zmicroservices/taskservice/keys"
	"zmicroservices/test/harness"
)

// samples are a service in Go and one in Python, and one that shows its key.
func samples(t testing.TB, user string) harness.File {
	t.Helper()
	harness.Python(t)
	python, err := filepath.Abs("../../services/python")
	if err != nil {
		t.Fatal(err)
	}
	f := harness.File{Tasks: []harness.Task{
		{ID: "ts001", Instance: "CheckEmails", ServiceName: "open_inbox", Location: harness.Service(t, "CheckEmails")},
		{ID: "ts002", Instance: "DrinkCoffee", ServiceName: "drink_espresso", Location: python},
		{ID: "ts003", Command: `/bin/sh -c 'stat -c "%a %u %n" "$ZMS_CURVE"; sed "s/secret-key.*//" "$ZMS_CURVE"; exec sleep 86400'`},
	}}
	if user != "" {
		f.Tasks[2].Process = "<directory>/</directory><user>" + user + "</user>"
	}
	return f
}

// reported waits for the reports of all three.
func (b *peer) reported(action string) {
	b.t.Helper()
	for _, id := range []string{"ts001", "ts002", "ts003"} {
		b.until(id+" "+action, func(s sighting) bool {
			m := strings.Join(s.Frames, "\n")
			return strings.HasPrefix(m, "control") && strings.Contains(m, fmt.Sprintf("%q", action)) && strings.Contains(m, fmt.Sprintf("%q", id))
		})
	}
}

// Services need no configuration for a bus with keys: they get their own, and keep
// it when the provider is killed and another one comes.
func TestServicesComeByKeysOfTheirOwn(t *testing.T) {
	r := newRing(t)
	desk := r.client("desk", keys.Operate)
	runtime, err := os.MkdirTemp("", "zms-keys-") // short: sockets lie in it
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(runtime) })
	user, uid := "", os.Getuid()
	if uid == 0 {
		user, uid = "nobody", nobody
	}
	file := harness.Write(t, samples(t, user))
	flags := []string{"--curve=" + r.dir, "--runtime_dir=" + runtime}
	p := harness.Start(t, file, flags...)
	d := join(t, p, desk).ready()
	d.hail()
	start := func(action string) {
		d.say(fmt.Sprintf(`context @@@ {"header": {"action": %q, "service_id": "context001", "service_name": "context",
			"service_transaction": "KEYS", "request_id": "r"}, "content": {"configuration": {"TaskLogName": "T",
			"TaskService": [{"id": "ts001"}, {"id": "ts002"}, {"id": "ts003"}]}}}`, action))
	}
	start("start")
	d.reported("started")
	given, err := filepath.Glob(filepath.Join(runtime, "*", "keys", "*"+keys.SecretSuffix))
	if err != nil || len(given) != 3 {
		t.Fatalf("keys of services: %q, %v", given, err)
	}
	owners := map[uint32]int{}
	for _, path := range given {
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Fatalf("%s: %v, %v", path, info, err)
		}
		owners[info.Sys().(*syscall.Stat_t).Uid]++
	}
	if owners[uint32(uid)] == 0 {
		t.Errorf("no key belongs to uid %d: %v", uid, owners)
	}
	// Who is answered has what led to it in the journal: the next provider goes on with it.
	if r := p.Command("history", "--runtime_dir="+runtime, file); r.Code != 0 {
		t.Fatalf("history: %+v", r)
	}
	if err := syscall.Kill(p.PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	d.event("sub left", "pub left")
	p = harness.Start(t, file, append(flags, "--log_level=debug")...)
	d.event("sub joined", "pub joined", "pub ready")
	d.hail()
	// They have come back when they hear what they are told.
	start("stop")
	d.reported("stopped")
	d.never("failed")
	p.Transaction = "KEYS"
	p.Stop()
	if left, _ := filepath.Glob(filepath.Join(runtime, "*", "keys", "*")); len(left) > 0 {
		t.Errorf("keys are left: %q", left)
	}
	logs, err := os.ReadFile(filepath.Join(p.StateDir, "logs", "KEYS", "ts003.log"))
	for _, part := range []string{fmt.Sprintf("600 %d ", uid), `role = "serve"`, `services = "ts003"`, "KEYS/ts003/1"} {
		if !strings.Contains(string(logs), part) {
			t.Errorf("the service does not see %q in its key: %v\n%s", part, err, logs)
		}
	}
}

// nobody is Debian's user of that name.
const nobody = 65534

// A copy of a service's key is worth nothing when the service has gone.
func TestTheKeyOfAServiceEndsWithIt(t *testing.T) {
	r := newRing(t)
	desk := r.client("desk", keys.Operate)
	copied := filepath.Join(t.TempDir(), "copy.key_secret")
	p := harness.Start(t, harness.Write(t, harness.File{Tasks: []harness.Task{
		{ID: "ts001", Command: "/bin/sh -c 'umask 077; cp \"$ZMS_CURVE\" " + copied + ".new; mv " + copied + ".new " + copied + "; exec sleep 86400'"},
	}}), "--curve="+r.dir, "--start")
	d := join(t, p, desk).ready()
	d.hail()
	for tries := 0; ; tries++ {
		if _, err := os.Stat(copied); err == nil {
			break
		} else if tries > 1000 {
			t.Fatal(err)
		}
		d.say("mark @@@ {}")
		d.hears("mark")
	}
	thief := join(t, p, copied).ready()
	d.hail(thief)
	thief.say(control("ts002", "evil"), order("stop", p.Transaction, "ts001"))
	if answer := thief.hears("r-stop"); !strings.Contains(answer, "role serve") {
		t.Errorf("answered: %s", answer)
	}
	d.say(order("stop", p.Transaction, "ts001"))
	thief.event("sub left", "pub left", "sub refused", "pub refused")
	d.never("evil")
	p.Stop()
}
