package keys

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/crypto/bcrypt"
)

// Strangers that try passwords stand in a line, in which who is known does not.
func TestWhoHasPassedDoesNotWaitForStrangers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "users")
	hash, err := bcrypt.GenerateFromPassword([]byte("green"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("kermit:"+string(hash)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	u, err := OpenUsers(UsersOptions{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	if err := u.Check("kermit", "green"); err != nil {
		t.Fatal(err)
	}
	u.checking.Lock() // a comparison that takes as long as it likes
	defer u.checking.Unlock()
	if err := u.Check("kermit", "green"); err != nil {
		t.Error(err)
	}
}
