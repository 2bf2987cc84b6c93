package keys_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"zmicroservices/taskservice/keys"
)

func TestAStoreHasWhatBothSidesNeed(t *testing.T) {
	s := keys.Store(filepath.Join(t.TempDir(), "keys"))
	grant := keys.Grant{Name: "pump", Role: keys.Serve, Services: []string{"ts001"}}
	if _, err := s.CreateClient(grant); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a client without a server: %v", err)
	}
	server, err := s.CreateServer()
	if err != nil {
		t.Fatal(err)
	}
	client, err := s.CreateClient(grant)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := keys.Load(s.Server()); err != nil || got.Public != server.Certificate.Public || got.Secret.IsZero() {
		t.Errorf("the server's: %v", err)
	}
	credentials, err := keys.LoadCredentials(client.Secret)
	if err != nil || credentials.Server != server.Certificate.Public {
		t.Errorf("the client's: %v", err)
	}
	d, err := keys.OpenDirectory(keys.DirectoryOptions{Path: s.Clients()})
	if err != nil {
		t.Fatal(err)
	}
	if g, known := d.Lookup(credentials.Public); !known || !reflect.DeepEqual(g, grant) {
		t.Errorf("let in as %+v, %v", g, known)
	}
	for path, mode := range map[string]fs.FileMode{string(s): 0o700 | fs.ModeDir, s.Server(): 0o600, client.Secret: 0o600, client.Public: 0o644, server.Public: 0o644} {
		if info, err := os.Stat(path); err != nil || info.Mode() != mode {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
	}
	if _, err := s.CreateServer(); !errors.Is(err, fs.ErrExist) {
		t.Errorf("another server: %v", err)
	}
	if _, err := s.CreateClient(grant); !errors.Is(err, fs.ErrExist) {
		t.Errorf("another pump: %v", err)
	}
	// The secret is at the client, its public half is known here: still taken.
	if err := os.Remove(client.Secret); err != nil {
		t.Fatal(err)
	}
	if _, err := s.CreateClient(grant); !errors.Is(err, fs.ErrExist) {
		t.Errorf("another pump: %v", err)
	}
	if _, err := os.Stat(client.Secret); err == nil {
		t.Error("half a pair was written")
	}
	for _, name := range []string{"", "server", ".hidden", "a/b", "a b", "ä"} {
		if _, err := s.CreateClient(keys.Grant{Name: name}); err == nil {
			t.Errorf("made %q", name)
		}
	}
}

func TestUsersAreAdded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "users")
	for _, g := range []keys.Grant{{Name: "kermit", Role: keys.Serve, Services: []string{"ts001", "ts002"}}, {Name: "piggy", Role: keys.Operate}} {
		if err := keys.AddUserCheaply(path, g, "word of "+g.Name); err != nil {
			t.Fatal(err)
		}
		if err := keys.AddUserCheaply(path, g, "another"); !errors.Is(err, fs.ErrExist) {
			t.Errorf("added again: %v", err)
		}
		u, err := keys.OpenUsers(keys.UsersOptions{Path: path})
		if err != nil {
			t.Fatal(err)
		}
		if got, known := u.Lookup(g.Name); !known || got.Role != g.Role || len(got.Services) != len(g.Services) {
			t.Errorf("added %+v, %v", got, known)
		}
		if err := u.Check(g.Name, "word of "+g.Name); err != nil {
			t.Error(err)
		}
	}
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	for name, password := range map[string]string{"x": "", "a:b": "y", "\n": "y"} {
		if err := keys.AddUserCheaply(path, keys.Grant{Name: name}, password); err == nil {
			t.Errorf("added %q with %q", name, password)
		}
	}
	if entries, err := os.ReadDir(filepath.Dir(path)); err != nil || len(entries) != 1 {
		t.Errorf("left %v, %v", entries, err)
	}
}

func TestALoginIsOneLineThatNobodyElseReads(t *testing.T) {
	path := filepath.Join(t.TempDir(), "login")
	write(t, path, "kermit:gr:een \n", 0o600)
	c, err := keys.LoadLogin(path)
	if err != nil || c.User != "kermit" || c.Password != "gr:een " {
		t.Errorf("read %q, %v", c.Password, err)
	}
	for _, text := range []string{"", "kermit", ":green", "kermit:green\npiggy:pink\n"} {
		write(t, path, text, 0o600)
		if _, err := keys.LoadLogin(path); err == nil {
			t.Errorf("read %q", text)
		}
	}
	write(t, path, "kermit:green", 0o640)
	if _, err := keys.LoadLogin(path); err == nil {
		t.Error("read what others may read")
	}
}
