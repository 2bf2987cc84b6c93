package secure

import (
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"zmicroservices/taskservice/keys"
	"zmicroservices/test/harness"
)

// czmq's zcert reads ours, and we read what it writes. It calls the files name
// and name_secret.
func TestCzmqAndWeReadEachOthersCertificates(t *testing.T) {
	program := harness.Compile(t, "needs czmq and a C compiler: apt-get install gcc libc6-dev libczmq-dev", "testdata/certificate.c", "-lczmq", "-lzmq")
	zcert := func(args ...string) string {
		t.Helper()
		cmd := exec.Command(program, args...)
		cmd.Stderr = t.Output()
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("zcert %q: %v", args, err)
		}
		return string(out)
	}
	r := newRing(t)
	pump := r.client("pump", keys.Serve, "ts001", "ts002")
	c, err := keys.Load(pump)
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Join([]string{c.Public.String(), c.Secret.Text(), "pump", "serve", "ts001 ts002", r.server.Public.String(), ""}, "\n")
	if got := zcert(strings.TrimSuffix(pump, "_secret")); got != want {
		t.Error("czmq reads of ours something else than we wrote")
	}
	theirs := filepath.Join(t.TempDir(), "theirs.key")
	public := strings.TrimSpace(zcert("new", theirs))
	grant := keys.Grant{Name: "theirs", Role: keys.Serve, Services: []string{"ts001", "ts002"}}
	if got, err := keys.Load(theirs); err != nil || got.Public.String() != public || !got.Secret.IsZero() || !reflect.DeepEqual(got.Grant, grant) {
		t.Errorf("read %+v, %v", got.Grant, err)
	}
	if err := os.Chmod(theirs+"_secret", 0o600); err != nil { // older ones leave it to the umask
		t.Fatal(err)
	}
	if got, err := keys.Load(theirs + "_secret"); err != nil || got.Public.String() != public || got.Secret.IsZero() {
		t.Errorf("read %+v, %v", got.Grant, err)
	}
}
