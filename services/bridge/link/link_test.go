package link

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestWhatIsRefused(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil { // whatever the umask
			t.Fatal(err)
		}
		return path
	}
	login, open := write("login", "me:s3cret\n", 0o600), write("open", "SUAM", 0o604)
	const here, far = "nats://127.0.0.1:4222", "nats://nats.example.net"
	for name, row := range map[string]struct {
		o    Options
		want string // "": all is well
	}{
		"nothing":               {Options{}, "no URL"},
		"one":                   {Options{URLs: []string{here}}, ""},
		"a cluster":             {Options{URLs: []string{"tls://a", "wss://b:443", "ws://c"}}, ""},
		"a scheme of others":    {Options{URLs: []string{"http://a"}}, "is no URL of NATS"},
		"no host":               {Options{URLs: []string{"nats://"}}, "is no URL of NATS"},
		"a password in it":      {Options{URLs: []string{"nats://me:s3cret@a"}}, "put it into a file"},
		"a password beside it":  {Options{URLs: []string{"nats://me:s3cret@a:x"}}, "cannot be read"},
		"a login here":          {Options{URLs: []string{here}, UserFile: login}, ""},
		"a login far":           {Options{URLs: []string{far}, UserFile: login}, "unencrypted"},
		"a login far by TLS":    {Options{URLs: []string{"tls://nats.example.net"}, UserFile: login}, ""},
		"a login far, insecure": {Options{URLs: []string{far}, UserFile: login, Insecure: true}, ""},
		"two proofs":            {Options{URLs: []string{here}, UserFile: login, NkeyFile: login}, "one of credentials"},
		"a key alone":           {Options{URLs: []string{here}, KeyFile: login}, "go together"},
		"no file":               {Options{URLs: []string{here}, CredsFile: dir + "/none"}, "no such file"},
		"a folder":              {Options{URLs: []string{here}, CredsFile: dir}, "is no file"},
		"an open secret":        {Options{URLs: []string{here}, NkeyFile: open}, "others may use it: chmod 600"},
		"an nkey that is none":  {Options{URLs: []string{here}, NkeyFile: write("nk", "SUAM", 0o600)}, ""},
	} {
		err := row.o.Validate()
		switch {
		case row.want == "" && err != nil, row.want != "" && (err == nil || !strings.Contains(err.Error(), row.want)):
			t.Errorf("%s: %v, want %q", name, err, row.want)
		case err != nil && strings.Contains(err.Error(), "s3cret"):
			t.Errorf("%s: the secret is in %q", name, err)
		}
	}
	if _, err := (Options{URLs: []string{here}, NkeyFile: filepath.Join(dir, "nk")}).Connect(); err == nil {
		t.Error("a seed that is none was taken")
	}
}
