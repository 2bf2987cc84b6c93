package keys

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/crypto/bcrypt"

	"zmicroservices/taskservice/zmtp/plain"
)

// AddUser adds a user to a file for OpenUsers, and makes the file if there is
// none. Who is in it already is left alone: errors.Is(err, fs.ErrExist).
func AddUser(path string, g Grant, password string) error {
	return addUser(path, g, password, bcrypt.DefaultCost)
}

func addUser(path string, g Grant, password string, cost int) error {
	if err := checkName(g.Name); err != nil {
		return err
	}
	if password == "" || len(password) > 72 {
		return errors.New("a password has 1 to 72 bytes: bcrypt takes no more")
	}
	f, err := readFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return fmt.Errorf("add user: %w", err)
	default:
		if err := f.private(); err != nil {
			return fmt.Errorf("add user: %s: %w", path, err)
		}
		table, _, err := parseUsers(f.text)
		if err != nil && !errors.Is(err, errNoUser) {
			return fmt.Errorf("add user: %s: %w", path, err)
		}
		if _, known := table[g.Name]; known {
			return fmt.Errorf("add user: %w", &fs.PathError{Op: g.Name + " in", Path: path, Err: fs.ErrExist})
		}
	}
	hash, err := bcrypt.GenerateFromPassword([]byte(password), cost)
	if err != nil {
		return fmt.Errorf("add user: %w", err)
	}
	text := f.text
	if text != "" && !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	text += fmt.Sprintf("%s:%s:%s:%s\n", g.Name, hash, g.Role, strings.Join(g.Services, " "))
	if err := replace(path, text); err != nil {
		return fmt.Errorf("add user: %w", err)
	}
	return nil
}

// replace puts a file in the place of another, mode 0600: readers see the one
// or the other as a whole.
func replace(path, text string) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*") // 0600
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return syncDir(filepath.Dir(path))
}

// LoadLogin reads what a client of PLAIN says of itself: a file with the one line
// USER:PASSWORD, refused if others may read it.
func LoadLogin(path string) (*plain.Credentials, error) {
	f, err := readFile(path)
	if err != nil {
		return nil, fmt.Errorf("load login: %w", err)
	}
	if err := f.private(); err != nil {
		return nil, fmt.Errorf("load login: %s: %w", path, err)
	}
	line := strings.TrimSuffix(strings.TrimSuffix(f.text, "\n"), "\r")
	user, password, found := strings.Cut(line, ":")
	c := plain.Credentials{User: user, Password: password}
	if !found || user == "" || strings.Contains(line, "\n") {
		return nil, fmt.Errorf("load login: %s: wanted is one line, USER:PASSWORD", path)
	}
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("load login: %s: %w", path, err)
	}
	return &c, nil
}
