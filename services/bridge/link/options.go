package link

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/nats-io/nats.go"

	"zmicroservices/taskservice/keys"
)

// Options say where NATS is and who we are there.
type Options struct {
	URLs []string // nats://, tls://, ws:// or wss://HOST[:PORT]; one of a cluster is enough

	CredsFile string // a JWT and the seed of its user, as nsc makes it
	NkeyFile  string // the seed of an nkey
	UserFile  string // one line, USER:PASSWORD
	CAFile    string // certificates of who signs servers, PEM; "": the system's
	CertFile  string // our own certificate, PEM
	KeyFile   string // and its key
	Insecure  bool   // a password may go unencrypted beyond loopback
}

// schemes are those of a URL, and whether they encrypt.
var schemes = map[string]bool{"nats": false, "tls": true, "ws": false, "wss": true}

// Validate tells all that is wrong at once. It reads the files that hold secrets.
func (o Options) Validate() error {
	var problems []error
	wrong := func(format string, a ...any) { problems = append(problems, fmt.Errorf(format, a...)) }
	if len(o.URLs) == 0 {
		wrong("no URL: say where NATS is, as in nats://127.0.0.1:4222")
	}
	for _, text := range o.URLs {
		if err := o.checkURL(text); err != nil {
			problems = append(problems, err)
		}
	}
	proofs := slices.DeleteFunc([]string{o.CredsFile, o.NkeyFile, o.UserFile}, func(s string) bool { return s == "" })
	if len(proofs) > 1 {
		wrong("%s: one of credentials, nkey and user is wanted", strings.Join(proofs, ", "))
	}
	if (o.CertFile == "") != (o.KeyFile == "") {
		wrong("a certificate and its key go together")
	}
	for _, file := range []struct{ what, path string }{{"credentials", o.CredsFile}, {"nkey", o.NkeyFile}, {"key", o.KeyFile}} {
		if err := secret(file.path); err != nil {
			wrong("%s: %w", file.what, err)
		}
	}
	if o.UserFile != "" {
		if _, err := keys.LoadLogin(o.UserFile); err != nil {
			wrong("user: %w", err)
		}
	}
	return errors.Join(problems...)
}

func (o Options) checkURL(text string) error {
	u, err := url.Parse(text)
	if err != nil {
		return errors.New("the URL cannot be read: wanted is nats://HOST[:PORT]") // its text may hold a password
	}
	if u.User != nil {
		return fmt.Errorf("%s: a URL with a user in it shows the password to everybody: put it into a file", u.Redacted())
	}
	encrypted, known := schemes[u.Scheme]
	switch {
	case !known || u.Hostname() == "":
		return fmt.Errorf("%s is no URL of NATS: wanted is nats://HOST[:PORT], tls:// where everything is to be encrypted", u.Redacted())
	case o.UserFile != "" && !encrypted && o.CAFile == "" && !o.Insecure && !loopback(u.Hostname()):
		return fmt.Errorf("%s: the password would go there unencrypted: say tls:// (or allow it with insecure)", text)
	}
	return nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// secret refuses a file that others may read.
func secret(path string) error {
	if path == "" {
		return nil
	}
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s is no file", path)
	case info.Mode().Perm()&0o007 != 0:
		return fmt.Errorf("%s: %w: others may use it: chmod 600 %s", path, fs.ErrPermission, path)
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return f.Close()
}

// Connect connects, with further options of the caller's that count more.
func (o Options) Connect(further ...nats.Option) (*nats.Conn, error) {
	if err := o.Validate(); err != nil {
		return nil, fmt.Errorf("connect to NATS: %w", err)
	}
	var options []nats.Option
	if o.CredsFile != "" {
		options = append(options, nats.UserCredentials(o.CredsFile))
	}
	if o.NkeyFile != "" {
		nkey, err := nats.NkeyOptionFromSeed(o.NkeyFile)
		if err != nil {
			return nil, fmt.Errorf("connect to NATS: %s: %w", o.NkeyFile, err)
		}
		options = append(options, nkey)
	}
	if o.UserFile != "" {
		options = append(options, nats.UserInfoHandler(func() (string, string) {
			login, err := keys.LoadLogin(o.UserFile)
			if err != nil {
				return "", "" // the server says no, which is tried again
			}
			return login.User, login.Password
		}))
	}
	if o.CAFile != "" {
		options = append(options, nats.RootCAs(o.CAFile))
	}
	if o.CertFile != "" {
		options = append(options, nats.ClientCert(o.CertFile, o.KeyFile))
	}
	nc, err := nats.Connect(strings.Join(o.URLs, ","), append(options, further...)...)
	if err != nil {
		return nil, fmt.Errorf("connect to NATS on %s: %w", strings.Join(o.URLs, ","), err)
	}
	return nc, nil
}
