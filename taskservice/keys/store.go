package keys

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Store is a directory with the keys of one bus, as keygen makes it:
//
//	server.key_secret   the server's pair, for the server alone
//	server.key          its public half, for who makes a client by other means
//	clients/NAME.key    who may connect, and as what
//	NAME.key_secret     a client's pair, until it is taken to the client
type Store string

const serverName = "server"

// Server is the path of the server's pair.
func (s Store) Server() string { return filepath.Join(string(s), serverName+SecretSuffix) }

// Clients is the path of the directory of clients, for OpenDirectory.
func (s Store) Clients() string { return filepath.Join(string(s), "clients") }

// Files are what was written of one pair.
type Files struct {
	Certificate Certificate
	Public      string // path
	Secret      string // path
}

// CreateServer makes the directory if need be, and the server's pair in it. A pair
// that is there already is left alone: errors.Is(err, fs.ErrExist).
func (s Store) CreateServer() (Files, error) {
	c, err := New(Grant{Name: serverName})
	if err != nil {
		return Files{}, err
	}
	if err := os.MkdirAll(string(s), 0o700); err != nil {
		return Files{}, fmt.Errorf("make directory of keys: %w", err)
	}
	if err := os.MkdirAll(s.Clients(), 0o755); err != nil {
		return Files{}, fmt.Errorf("make directory of keys: %w", err)
	}
	return both(c, filepath.Join(string(s), serverName+PublicSuffix), s.Server())
}

// CreateClient makes a client's pair with the server's key in it; it is let in
// from then on. Nothing is written over, as with CreateServer.
func (s Store) CreateClient(g Grant) (Files, error) {
	if err := checkName(g.Name); err != nil {
		return Files{}, err
	}
	server, err := Load(filepath.Join(string(s), serverName+PublicSuffix))
	if err != nil {
		return Files{}, err
	}
	c, err := New(g)
	if err != nil {
		return Files{}, err
	}
	c.Server = server.Public
	return both(c, filepath.Join(s.Clients(), g.Name+PublicSuffix), filepath.Join(string(s), g.Name+SecretSuffix))
}

// both writes the two halves, or none. The public one comes last: by then the
// client that it lets in has its secret.
func both(c Certificate, public, secret string) (Files, error) {
	if _, err := os.Lstat(public); err == nil {
		return Files{}, fmt.Errorf("write certificate: %w", &fs.PathError{Op: "create", Path: public, Err: fs.ErrExist})
	}
	if err := c.CreateSecret(secret); err != nil {
		return Files{}, err
	}
	if err := c.CreatePublic(public); err != nil {
		return Files{}, errors.Join(err, os.Remove(secret)) // ours: it was not there before
	}
	return Files{Certificate: c, Public: public, Secret: secret}, nil
}

// checkName: a name is a part of two paths.
func checkName(name string) error {
	allowed := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_.@", r)
	}
	switch {
	case name == "" || len(name) > 100 || strings.HasPrefix(name, ".") || strings.ContainsFunc(name, func(r rune) bool { return !allowed(r) }):
		return fmt.Errorf("name %.32q: wanted are letters, digits, - _ . @, at most 100, and no . first", name)
	case name == serverName:
		return fmt.Errorf("name %q is the server's own", name)
	}
	return nil
}
