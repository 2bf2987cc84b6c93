package secure

import (
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"

	"zmicroservices/test/harness"
)

// On a unix socket the kernel says who has connected, whoever was let through to it.
func TestAnotherUserCommandsNothingByUnixSocket(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can be another user")
	}
	dir, err := os.MkdirTemp("", "zms-ipc-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	f := sleeper
	f.Front, f.Back = "ipc://"+dir+"/front", "ipc://"+dir+"/back"
	r := newRing(t) // keys are for tcp: these endpoints know whom they talk to without
	p := harness.Start(t, harness.Write(t, f), "--curve="+r.dir)
	for _, name := range []string{"/front", "/back"} {
		info, err := os.Stat(dir + name)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Fatalf("%s: %v, %v", name, info, err)
		}
	}
	// An administrator lets everybody through.
	if err := errors.Join(os.Chmod(dir, 0o755), os.Chmod(dir+"/front", 0o666), os.Chmod(dir+"/back", 0o666)); err != nil {
		t.Fatal(err)
	}
	ours := join(t, p, "null").ready()
	other := joinAs(t, p, "null", &syscall.Credential{Uid: nobody, Gid: nobody}).ready()
	ours.hail(other)
	other.say(
		order("start", "T1", "ts001"), " context@@@ evil",
		`process @@@ {"Task": {"message": {"header": {"action": "stop", "service_id": "ts001", "transaction": "T1"}}}, "mark": "evil"}`,
		`state @@@ {"header": {"action": "request", "service_id": "", "service_name": "state", "service_transaction": "T1"}, "mark": "evil"}`,
	)
	other.sayFrames("harmless", "context @@@ evil")
	other.say("frames @@@ good")
	if answer := other.hears("r-start"); !strings.Contains(answer, "uid 65534 may not command this context") {
		t.Errorf("answered: %s", answer)
	}
	ours.hears("frames @@@ good")
	ours.never("evil")
	ours.never(`"action": "start"`)
	ours.say(order("start", "T1", "ts001"))
	other.hears(`"started"`) // hearing is not restricted
	if p.Logged("message denied") == 0 {
		t.Error("the log does not speak of a denied message")
	}
	p.Stop()
}
