package keys_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"zmicroservices/taskservice/keys"
)

func hash(t testing.TB, password string) string {
	t.Helper()
	h, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	return string(h)
}

func TestUsersAreCheckedByTheirPasswords(t *testing.T) {
	path := filepath.Join(t.TempDir(), "users")
	write(t, path, "# ours\n\nkermit:"+hash(t, "green")+":serve:ts001,ts002\npiggy:"+hash(t, "pink")+"\n", 0o600)
	u, err := keys.OpenUsers(keys.UsersOptions{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time from what has passed
		for _, row := range []struct {
			user, password string
			ok             bool
		}{
			{"kermit", "green", true}, {"piggy", "pink", true}, {"kermit", "pink", false}, {"kermit", "", false},
			{"gonzo", "green", false}, {"", "", false}, {"# ours", "", false},
		} {
			if err := u.Check(row.user, row.password); (err == nil) != row.ok || err != nil && !errors.Is(err, keys.ErrPassword) {
				t.Errorf("%s, %s: %v", row.user, row.password, err)
			}
		}
	}
	want := keys.Grant{Name: "kermit", Role: keys.Serve, Services: []string{"ts001", "ts002"}}
	if g, known := u.Lookup("kermit"); !known || !reflect.DeepEqual(g, want) {
		t.Errorf("kermit is %+v", g)
	}
	if g, known := u.Lookup("piggy"); !known || g.Role != keys.Observe {
		t.Errorf("piggy is %+v", g)
	}
}

func TestAnotherPasswordRevokesTheUser(t *testing.T) {
	path := filepath.Join(t.TempDir(), "users")
	old, piggy := "kermit:"+hash(t, "green")+"\n", "piggy:"+hash(t, "pink")+"\n"
	write(t, path, old+piggy, 0o600)
	gone := make(chan []string, 2) // sent by Run, never closed; capacity: as often as the test changes the file
	logged := &log{}
	u, err := keys.OpenUsers(keys.UsersOptions{Path: path, Logger: slog.New(slog.NewTextHandler(logged, nil)), Interval: 10 * time.Millisecond, Revoked: func(users []string) { gone <- users }})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- u.Run(ctx) }() // ends with the test
	defer func() { cancel(); <-done }()

	if err := u.Check("kermit", "green"); err != nil {
		t.Fatal(err)
	}
	write(t, path, "kermit:"+hash(t, "blue, rather")+"\n"+piggy, 0o600)
	select {
	case users := <-gone:
		if !reflect.DeepEqual(users, []string{"kermit"}) {
			t.Errorf("%v revoked", users)
		}
	case <-time.After(patience):
		t.Fatal("nobody told")
	}
	if u.Check("kermit", "green") == nil || u.Check("kermit", "blue, rather") != nil {
		t.Error("the old password is still good, or the new one not yet")
	}
	// What is wrong as a whole changes nothing.
	write(t, path, "kermit:secret in the clear\n", 0o600)
	if u.Check("kermit", "blue, rather") != nil || u.Check("piggy", "pink") != nil || !logged.contains("line 1: user") || logged.contains("in the clear") {
		t.Errorf("a wrong file: %s", logged.text.String())
	}
}

func TestAFileOfUsersThatIsWrong(t *testing.T) {
	good := hash(t, "x")
	for text, want := range map[string]string{
		"kermit":                    "line 1: user \"kermit\": the line is not NAME:HASH",
		"\nkermit:{SHA}abc":         "line 2: user \"kermit\": the hash is none of bcrypt's",
		"# nobody\n":                "no user in it",
		":" + good:                  "the line is not",
		"a:" + good + "\na:" + good: "line 2: user \"a\": comes twice",
		"a:" + good + ":king":       `role "king"`,
		"a:" + strings.Replace(good, "$04$", "$20$", 1): "cost 20 takes too long",
	} {
		path := filepath.Join(t.TempDir(), "users")
		write(t, path, text, 0o600)
		if _, err := keys.OpenUsers(keys.UsersOptions{Path: path}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
		if err := os.Chmod(path, 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := keys.OpenUsers(keys.UsersOptions{Path: path}); err == nil || !strings.Contains(err.Error(), "chmod 600") {
			t.Errorf("readable by others: %v", err)
		}
	}
}
