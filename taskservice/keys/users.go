package keys

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/bcrypt"
)

// maxCost bounds what a check of a password may cost: each step doubles it, and
// 14 is a second.
const maxCost = 14

// ErrPassword means that user and password do not belong together.
var ErrPassword = errors.New("wrong user or password")

var errNoUser = errors.New("no user in it")

// Users is a file of the users that PLAIN lets in. See the package's text for
// its format.
type Users struct {
	roster[string]
	path string

	secret [32]byte // of this process, for passed

	// Guarded by the roster's mu.
	at     stamp
	hashes map[string][]byte
	decoy  []byte // somebody's hash, compared with for users that nobody knows

	passed map[string][sha256.Size]byte

	checking sync.Mutex // held over a comparison: one at a time, whoever asks
}

// UsersOptions say where the users of PLAIN are.
type UsersOptions struct {
	Path   string       // of the file, which only its owner may read
	Logger *slog.Logger // nil: silent
	// Interval is how often Run looks at the file; 0: 1 s.
	Interval time.Duration
	// Revoked is told, by Run's goroutine, which users were removed, or changed in
	// what they may do. Nil: nobody is told.
	Revoked func([]string)
}

// OpenUsers reads the file; an error says what is wrong with it.
func OpenUsers(o UsersOptions) (*Users, error) {
	u := &Users{path: o.Path, passed: map[string][sha256.Size]byte{}}
	u.init(o.Logger, o.Interval, o.Revoked)
	u.look = u.scan
	_, _ = rand.Read(u.secret[:]) // never fails: crypto/rand ends the program instead
	if err := u.refresh(true); err != nil {
		return nil, fmt.Errorf("open users: %w", err)
	}
	return u, nil
}

// Lookup says what a user may do.
func (u *Users) Lookup(user string) (Grant, bool) { return u.lookup(user) }

// Run is Directory's, for the users.
func (u *Users) Run(ctx context.Context) error { return u.run(ctx) }

// Check returns ErrPassword unless user and password belong together. It takes
// as long for users that do not exist. Checks wait for each other: strangers who
// try passwords get one processor between them. What has passed once is found
// again at no cost, since a hundred services may come back at once.
func (u *Users) Check(user, password string) error {
	u.mu.Lock()
	_ = u.refreshLocked(false) // logged, and the old table is good
	hash, known := u.hashes[user]
	if !known {
		hash = u.decoy
	}
	sum := u.sum(hash, password)
	before, passed := u.passed[user]
	u.mu.Unlock()
	if known && passed && hmac.Equal(before[:], sum[:]) {
		return nil // and does not wait for those who try passwords
	}
	u.checking.Lock()
	defer u.checking.Unlock()
	if err := bcrypt.CompareHashAndPassword(hash, []byte(password)); err != nil || !known {
		return ErrPassword
	}
	u.mu.Lock()
	u.passed[user] = sum
	u.mu.Unlock()
	return nil
}

// sum stands for a password that has passed, in memory: it is of no use outside
// of this process.
func (u *Users) sum(hash []byte, password string) (sum [sha256.Size]byte) {
	m := hmac.New(sha256.New, u.secret[:])
	m.Write(hash)
	m.Write([]byte(password))
	m.Sum(sum[:0])
	return sum
}

// scan is the roster's look. A file with a mistake in it changes nothing: half a
// list would lock out the other half.
func (u *Users) scan(bool) (map[string]Grant, bool, error) {
	info, err := os.Stat(u.path)
	if err != nil {
		return nil, false, err
	}
	if u.at.same(info) {
		return nil, false, nil
	}
	f, err := readFile(u.path)
	if err != nil {
		return nil, false, err
	}
	if err := f.private(); err != nil {
		return nil, false, fmt.Errorf("%s: %w", u.path, err)
	}
	table, hashes, err := parseUsers(f.text)
	if err != nil {
		return nil, false, fmt.Errorf("%s: %w", u.path, err)
	}
	for name, was := range u.hashes {
		if is, still := hashes[name]; still && !bytes.Equal(was, is) {
			u.gone = append(u.gone, name) // who came by the old password came by that
		}
	}
	u.at, u.hashes, u.decoy = f.stamp, hashes, nil
	for _, u.decoy = range hashes {
		break // anybody's
	}
	return table, true, nil
}

func parseUsers(text string) (map[string]Grant, map[string][]byte, error) {
	table, hashes := map[string]Grant{}, map[string][]byte{}
	for number, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		fields := append(strings.SplitN(line, ":", 4), "", "")
		name := fields[0]
		fault := func(err error) (map[string]Grant, map[string][]byte, error) {
			return nil, nil, fmt.Errorf("line %d: user %.32q: %w", number+1, name, err)
		}
		if len(fields) < 4 || name == "" {
			return fault(errors.New("the line is not NAME:HASH:ROLE:SERVICES"))
		}
		switch cost, err := bcrypt.Cost([]byte(fields[1])); {
		case err != nil:
			return fault(errors.New("the hash is none of bcrypt's, as htpasswd -B makes them"))
		case cost > maxCost:
			return fault(fmt.Errorf("a hash of cost %d takes too long to check, at most %d", cost, maxCost))
		}
		grant, err := parseGrant(name, fields[2], fields[3])
		if err != nil {
			return fault(err)
		}
		if _, twice := table[name]; twice {
			return fault(errors.New("comes twice"))
		}
		table[name], hashes[name] = grant, []byte(fields[1])
	}
	if len(table) == 0 {
		// An editor that writes in place has it empty for a moment.
		return nil, nil, errNoUser
	}
	return table, hashes, nil
}
