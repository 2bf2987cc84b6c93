package secure

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"zmicroservices/taskservice/keys"
)

// ring is a directory of keys: a server's and those of clients.
type ring struct {
	t      testing.TB
	dir    string
	server keys.Certificate
}

func newRing(t testing.TB) *ring {
	t.Helper()
	r := &ring{t: t, dir: t.TempDir()}
	r.server = r.make(keys.Grant{Name: "server"})
	path := filepath.Join(r.dir, "server")
	err := errors.Join(
		r.server.CreateSecret(path+keys.SecretSuffix), r.server.CreatePublic(path+keys.PublicSuffix),
		os.Mkdir(filepath.Join(r.dir, "clients"), 0o755))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *ring) make(g keys.Grant) keys.Certificate {
	r.t.Helper()
	c, err := keys.New(g)
	if err != nil {
		r.t.Fatal(err)
	}
	return c
}

// client makes a client's key and gives the file of its secret half, which lies
// elsewhere than the public one.
func (r *ring) client(name string, role keys.Role, services ...string) string {
	r.t.Helper()
	c := r.make(keys.Grant{Name: name, Role: role, Services: services})
	if err := c.CreatePublic(r.public(name)); err != nil {
		r.t.Fatal(err)
	}
	return r.secret(name, c, r.server)
}

func (r *ring) public(name string) string {
	return filepath.Join(r.dir, "clients", name+keys.PublicSuffix)
}

// secret writes the half that a client of a server keeps.
func (r *ring) secret(name string, c, server keys.Certificate) string {
	r.t.Helper()
	c.Server = server.Public
	path := filepath.Join(r.t.TempDir(), name+keys.SecretSuffix)
	if err := c.CreateSecret(path); err != nil {
		r.t.Fatal(err)
	}
	return path
}
