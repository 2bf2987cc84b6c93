package keys_test

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"zmicroservices/taskservice/internal/zmqtest"
	"zmicroservices/taskservice/keys"
	"zmicroservices/taskservice/zmtp/curve"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func certificate(t testing.TB, name string, role keys.Role, services ...string) keys.Certificate {
	t.Helper()
	c, err := keys.New(keys.Grant{Name: name, Role: role, Services: services})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func write(t testing.TB, path, text string, mode fs.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil { // whatever the umask
		t.Fatal(err)
	}
}

func TestACertificateIsReadAsItWasWritten(t *testing.T) {
	dir := t.TempDir()
	c := certificate(t, "pump", keys.Serve, "ts001", "ts002")
	c.Server = certificate(t, "server", keys.Operate).Public
	secret, public := filepath.Join(dir, "pump.key_secret"), filepath.Join(dir, "pump.key")
	if err := errors.Join(c.CreateSecret(secret), c.CreatePublic(public)); err != nil {
		t.Fatal(err)
	}
	for path, mode := range map[string]fs.FileMode{secret: 0o600, public: 0o644} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
	}
	got, err := keys.Load(secret)
	if err != nil || !reflect.DeepEqual(got, c) {
		t.Errorf("read %+v, %v; wrote %+v", got, err, c)
	}
	credentials, err := keys.LoadCredentials(secret)
	if err != nil || credentials.Server != c.Server || credentials.Public != c.Public || credentials.Secret != c.Secret {
		t.Errorf("credentials %+v, %v", credentials, err)
	}
	c.Secret = curve.Secret{}
	got, err = keys.Load(public)
	if err != nil || !reflect.DeepEqual(got, c) {
		t.Errorf("read %+v, %v; wrote %+v", got, err, c)
	}
	if _, err := keys.LoadCredentials(public); err == nil || !strings.Contains(err.Error(), "pump.key_secret") {
		t.Errorf("credentials without a secret: %v", err)
	}
	before, _ := os.ReadFile(secret)
	again := certificate(t, "pump", keys.Observe)
	if err := again.CreateSecret(secret); !errors.Is(err, fs.ErrExist) {
		t.Errorf("written again: %v", err)
	}
	if after, _ := os.ReadFile(secret); string(after) != string(before) {
		t.Error("a secret was written over")
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".new*")); left != nil {
		t.Errorf("left %v", left)
	}
}

func TestASecretThatOthersMayReadIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.key_secret")
	if err := certificate(t, "x", keys.Observe).CreateSecret(path); err != nil {
		t.Fatal(err)
	}
	for _, mode := range []fs.FileMode{0o640, 0o604, 0o620, 0o601} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := keys.Load(path); err == nil || !strings.Contains(err.Error(), "chmod 600") {
			t.Errorf("mode %o: %v", mode, err)
		}
	}
}

func TestAMistakeInAFileHasItsPlaceAndShowsNoSecret(t *testing.T) {
	c, other := certificate(t, "x", keys.Observe), certificate(t, "y", keys.Observe)
	public, secret := `public-key = "`+c.Public.String()+`"`, c.Secret.Text()
	for text, want := range map[string]string{
		"": "public-key: parse key: 0 characters",
		"metadata\ncurve\n    public-key = \"" + secret[:30] + "\n": "line 3: public-key: the value's quotes do not match",
		"curve\n    " + public + "\n    " + public:                  "line 3: curve/public-key comes twice",
		"    " + public: "stands in no section",
		"metadata\n    role = \"king\"\ncurve\n    " + public:                       `role "king" is none of observe, serve, operate`,
		"curve\n    " + public + "\n    secret-key = '" + other.Secret.Text() + "'": "are no pair",
		"curve\n    " + public + "\n    secret-key = " + secret[:39] + "~":          "secret-key: parse key: character 40",
		"metadata\n    server-key = zzz\ncurve\n    " + public:                      "server-key: parse key: 3 characters",
		"'x' = " + secret: "line 1: no name of ZPL",
		"= " + secret:     "line 1: no name before =",
		"curve\n    public-key = " + strings.Repeat("0", 40): "public-key: anybody can pass for its owner",
	} {
		path := filepath.Join(t.TempDir(), "x.key_secret")
		write(t, path, text, 0o600)
		_, err := keys.Load(path)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
		if err != nil && strings.Contains(err.Error(), secret[:20]) {
			t.Errorf("shows the secret: %v", err)
		}
	}
	path := filepath.Join(t.TempDir(), "big.key")
	write(t, path, strings.Repeat("# ballast\n", 10_000), 0o644)
	if _, err := keys.Load(path); err == nil {
		t.Error("read a file of 100 kB")
	}
	if _, err := keys.Load(t.TempDir()); err == nil {
		t.Error("read a directory")
	}
}

// pyzmq's zmq.auth reads ours, and we read what it writes.
func TestZmqAuthAndWeReadEachOther(t *testing.T) {
	zmqtest.Need(t)
	dir := t.TempDir()
	c := certificate(t, "ours", keys.Serve, "ts001", "ts002")
	c.Server = certificate(t, "server", keys.Observe).Public
	if err := errors.Join(c.CreateSecret(filepath.Join(dir, "ours.key_secret")), c.CreatePublic(filepath.Join(dir, "ours.key"))); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(zmqtest.Python, "-c", `
import sys, zmq.auth
public, secret = zmq.auth.load_certificate("ours.key_secret")
print(public.decode(), secret.decode())
print(zmq.auth.load_certificate("ours.key")[0].decode())
zmq.auth.create_certificates(".", "theirs", {"role": "operate", "services": "ts003 ts004", "note": "a = b"})
zmq.auth.create_certificates(".", "bare")
`)
	cmd.Dir, cmd.Stderr = dir, t.Output()
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	if want := c.Public.String() + " " + c.Secret.Text() + "\n" + c.Public.String() + "\n"; string(out) != want {
		t.Error("zmq.auth read other keys than we wrote")
	}
	theirs, err := keys.Load(filepath.Join(dir, "theirs.key")) // metadata is in its other half alone
	if err != nil || theirs.Role != keys.Observe || theirs.Name != "theirs" {
		t.Errorf("read %+v, %v", theirs.Grant, err)
	}
	secret := filepath.Join(dir, "theirs.key_secret")
	if err := os.Chmod(secret, 0o600); err != nil { // zmq.auth leaves it to the umask
		t.Fatal(err)
	}
	both, err := keys.Load(secret)
	if err != nil || both.Public != theirs.Public || both.Secret.IsZero() ||
		!reflect.DeepEqual(both.Grant, keys.Grant{Name: "theirs", Role: keys.Operate, Services: []string{"ts003", "ts004"}}) {
		t.Errorf("read %+v, %v", both.Grant, err)
	}
	if bare, err := keys.Load(filepath.Join(dir, "bare.key")); err != nil || bare.Role != keys.Observe || bare.Name != "bare" {
		t.Errorf("read %+v, %v", bare, err)
	}
}

func FuzzLoad(f *testing.F) {
	f.Add("metadata\n    name = \"x\"\ncurve\n    public-key = \"rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7\"\n")
	f.Add("a\n    b = 'c' # d\n        e = f\n")
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text string) {
		path := filepath.Join(dir, "fuzzed.key")
		write(t, path, text, 0o600)
		c, err := keys.Load(path)
		if err == nil && c.Public.IsZero() && !strings.Contains(text, strings.Repeat("0", 40)) {
			t.Fatalf("no key in %q", text)
		}
	})
}
