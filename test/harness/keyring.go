package harness

import (
	"os"
	"path/filepath"
	"testing"

	"zmicroservices/taskservice/keys"
	"zmicroservices/taskservice/zmtp/curve"
)

// Keyring is a folder of keys for a provider that speaks CURVE, and the secrets of
// its clients, which the provider never sees.
type Keyring struct {
	Dir string // for --curve

	t       testing.TB
	server  keys.Certificate
	secrets string
}

// NewKeyring makes the server's pair.
func NewKeyring(t testing.TB) *Keyring {
	t.Helper()
	k := &Keyring{Dir: t.TempDir(), t: t, secrets: t.TempDir()}
	server, err := keys.New(keys.Grant{Name: "server"})
	if err != nil {
		t.Fatal(err)
	}
	k.server = server
	for _, err := range []error{
		os.Mkdir(k.clients(), 0o700),
		server.CreateSecret(filepath.Join(k.Dir, "server"+keys.SecretSuffix)),
		server.CreatePublic(filepath.Join(k.Dir, "server"+keys.PublicSuffix)),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return k
}

func (k *Keyring) clients() string { return filepath.Join(k.Dir, "clients") }

// Server is the server's public half, as a file.
func (k *Keyring) Server() string { return filepath.Join(k.Dir, "server"+keys.PublicSuffix) }

// Stranger makes a client's pair that the provider does not know, and gives the
// file with its secret.
func (k *Keyring) Stranger(g keys.Grant) string {
	k.t.Helper()
	file, _ := k.make(g)
	return file
}

func (k *Keyring) make(g keys.Grant) (string, keys.Certificate) {
	k.t.Helper()
	c, err := keys.New(g)
	if err != nil {
		k.t.Fatal(err)
	}
	c.Server = k.server.Public
	file := filepath.Join(k.secrets, g.Name+keys.SecretSuffix)
	if err := c.CreateSecret(file); err != nil {
		k.t.Fatal(err)
	}
	return file, c
}

// Add makes a client's pair, authorises it, and gives the file with its secret.
func (k *Keyring) Add(g keys.Grant) string {
	k.t.Helper()
	file, c := k.make(g)
	if err := c.CreatePublic(filepath.Join(k.clients(), g.Name+keys.PublicSuffix)); err != nil {
		k.t.Fatal(err)
	}
	return file
}

// Remove withdraws a client's key.
func (k *Keyring) Remove(name string) {
	k.t.Helper()
	if err := os.Remove(filepath.Join(k.clients(), name+keys.PublicSuffix)); err != nil {
		k.t.Fatal(err)
	}
}

// Credentials are those of a file that Add or Stranger gave.
func (k *Keyring) Credentials(file string) curve.Credentials {
	k.t.Helper()
	c, err := keys.LoadCredentials(file)
	if err != nil {
		k.t.Fatal(err)
	}
	return *c
}

// Start is Start with --curve; the clients that a test connects to its bus are the
// operator's from then on, unless it says otherwise.
func (k *Keyring) Start(t testing.TB, file string, flags ...string) *Provider {
	t.Helper()
	operator := k.Credentials(k.Add(keys.Grant{Name: "operator", Role: keys.Operate}))
	p := Start(t, file, append(flags, "--curve="+k.Dir)...)
	for _, endpoint := range []string{p.Publish, p.Subscribe} {
		introduced.Store(endpoint, &operator)
		t.Cleanup(func() { introduced.Delete(endpoint) })
	}
	return p
}
