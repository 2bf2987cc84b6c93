package taskservice_test

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"zmicroservices/taskservice/internal/zmqtest"
	"zmicroservices/taskservice/keys"
	"zmicroservices/taskservice/message"
)

func TestALifeOnABusThatWantsToKnowWhoIsThere(t *testing.T) {
	s, credentials := zmqtest.NewCurve(t)
	f := zmqtest.NewSecureForwarder(t, zmqtest.Device, s)
	o := f.Observe(t, message.TopicControl)
	path := filepath.Join(t.TempDir(), "ts001.key_secret")
	c := keys.Certificate{Grant: keys.Grant{Name: "ts001", Role: keys.Serve, Services: []string{"ts001"}}, Public: credentials.Public, Secret: credentials.Secret, Server: credentials.Server}
	if err := c.CreateSecret(path); err != nil {
		t.Fatal(err)
	}
	t.Setenv("ZMS_CURVE", path)
	child := begin(t, f, object("loop", "on_start"))
	child.saysState(t, o, "started", "success")
	child.signal(t, syscall.SIGTERM)
	child.saysState(t, o, "stopped", "success")
	child.exits(t, 0)

	t.Setenv("ZMS_CURVE", path+".gone")
	child = begin(t, f, object("loop", "on_start"))
	child.exits(t, 1)
	if text := child.stderr.String(); !strings.Contains(text, path+".gone: no such file") || strings.Count(text, "\n") != 1 {
		t.Errorf("said %q", text)
	}
}
