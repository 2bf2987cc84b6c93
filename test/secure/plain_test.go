package secure

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"zmicroservices/test/harness"
)

// users writes a file of users, each with its name as password.
func users(t testing.TB, lines ...string) string {
	t.Helper()
	var b strings.Builder
	for _, line := range lines {
		name, rest, _ := strings.Cut(line, ":")
		hash, err := bcrypt.GenerateFromPassword([]byte(name), bcrypt.MinCost)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "%s:%s:%s\n", name, hash, rest)
	}
	path := filepath.Join(t.TempDir(), "users")
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestPlainAsksForAPasswordAndKnowsRoles(t *testing.T) {
	file := harness.Write(t, samples(t, ""))
	list := users(t, "desk:operate", "pump:serve:ts001 ts003", "eye:observe")
	p := harness.Start(t, file, "--plain="+list)
	strangers := []*peer{join(t, p, "desk:pump"), join(t, p, "nobody:nobody"), join(t, p, "null")}
	desk, pump, eye := join(t, p, "desk:desk").ready(), join(t, p, "pump:pump").ready(), join(t, p, "eye:eye").ready()
	desk.hail(pump, eye)
	for _, s := range strangers {
		s.say("context @@@ evil")
		s.event("sub refused", "pub refused")
	}
	// The services that are started here have come by sockets of their own.
	all := `{"id": "ts001"}, {"id": "ts002"}, {"id": "ts003"}`
	desk.say(strings.Replace(order("start", "PLAIN", "ts001"), `{"id": "ts001"}`, all, 1))
	desk.reported("started")
	pump.say(control("ts002", "evil"), control("ts001", "good"), order("stop", "PLAIN", "ts001"))
	if answer := pump.hears("r-stop"); !strings.Contains(answer, "role serve") {
		t.Errorf("answered: %s", answer)
	}
	desk.hears("good")
	eye.say(control("ts001", "evil"))
	desk.say(strings.Replace(order("stop", "PLAIN", "ts001"), `{"id": "ts001"}`, all, 1))
	eye.reported("stopped")
	desk.reported("stopped")

	// Who is taken off the list is out.
	text, err := os.ReadFile(list)
	if err != nil {
		t.Fatal(err)
	}
	left := text[:strings.Index(string(text), "eye:")]
	if err := os.WriteFile(list, left, 0o600); err != nil {
		t.Fatal(err)
	}
	eye.event("sub left", "pub left", "sub refused", "pub refused")
	desk.say("mark @@@ last")
	desk.hears("mark @@@ last")
	desk.never("evil")
	for _, s := range strangers {
		s.never("joined")
	}
	p.Transaction = "PLAIN"
	p.Stop()
}
