package provider

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"zmicroservices/context/event"
	"zmicroservices/context/launch"
	"zmicroservices/taskservice/keys"
	"zmicroservices/taskservice/zmtp/curve"
)

// children are the keys of the task services that we start: each process gets a
// pair of its own, which may serve its own id and goes when the process has gone.
//
// The halves lie in the runtime directory, the secret one owned by whom the service
// runs as. The public half is ours alone to write, and says to a later provider
// whom the key belongs to; the service cannot change that.
type children struct {
	dir    string
	server curve.Key
	log    *slog.Logger

	mu     sync.Mutex // guards the rest
	grants map[curve.Key]keys.Grant
	keyOf  map[event.Ref]curve.Key
	old    map[event.Ref]bool // an earlier provider's, and not seen to be needed
}

// takeChildren reads what an earlier provider has left in the folder.
func takeChildren(dir string, server curve.Key, log *slog.Logger) (*children, error) {
	c := &children{
		dir: dir, server: server, log: log,
		grants: map[curve.Key]keys.Grant{}, keyOf: map[event.Ref]curve.Key{}, old: map[event.Ref]bool{},
	}
	if err := os.Mkdir(dir, 0o711); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("make folder for keys of task services: %w", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("read keys of task services: %w", err)
	}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), keys.PublicSuffix) {
			continue
		}
		path := filepath.Join(dir, e.Name())
		known, err := keys.Load(path)
		var ref event.Ref
		if err == nil {
			ref, err = event.ParseRef(known.Name)
		}
		if err != nil { // half written when its provider died: it was never handed out
			log.Warn("key of a task service not read", "file", path, "err", err)
			c.remove(strings.TrimSuffix(path, keys.PublicSuffix))
			continue
		}
		if known.Server != server {
			log.Warn("a task service has an earlier key of the server: it cannot connect until it is restarted", "task", ref.Task, "transaction", ref.Transaction)
		}
		c.grants[known.Public], c.keyOf[ref], c.old[ref] = grantOf(ref), known.Public, true
	}
	return c, nil
}

func grantOf(ref event.Ref) keys.Grant {
	return keys.Grant{Name: ref.String(), Role: keys.Serve, Services: []string{string(ref.Task)}}
}

// path is where the halves of a process's key lie, without their suffixes. Ids may
// hold what no file's name can.
func (c *children) path(ref event.Ref) string {
	sum := sha256.Sum256([]byte(ref.String()))
	return filepath.Join(c.dir, hex.EncodeToString(sum[:10]))
}

// give makes the key of a process, unless it has one, and returns the file that it
// is to read.
func (c *children) give(ref event.Ref, who *launch.Account) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	path := c.path(ref)
	if _, there := c.keyOf[ref]; there {
		delete(c.old, ref)
		return path + keys.SecretSuffix, nil
	}
	key, err := keys.New(grantOf(ref))
	if err != nil {
		return "", err
	}
	key.Server = c.server
	if err := c.write(path, key, who); err != nil {
		c.remove(path)
		return "", fmt.Errorf("write key of task service: %w", err)
	}
	c.grants[key.Public], c.keyOf[ref] = key.Grant, key.Public
	return path + keys.SecretSuffix, nil
}

// write writes both halves, the public one first: a key that is out is known. None
// is synced, since no process that has one survives a crash of the machine.
func (c *children) write(path string, key keys.Certificate, who *launch.Account) error {
	public := key
	public.Secret = curve.Secret{}
	text, err := public.Text()
	if err != nil {
		return err
	}
	if err := os.WriteFile(path+keys.PublicSuffix, []byte(text), 0o644); err != nil {
		return err
	}
	if text, err = key.Text(); err != nil {
		return err
	}
	f, err := os.OpenFile(path+keys.SecretSuffix, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	if who != nil && int(who.UID) != os.Getuid() && err == nil {
		if err = f.Chown(int(who.UID), -1); err == nil {
			err = c.reachable()
		}
	}
	return errors.Join(err, f.Close())
}

// reachable lets other users through to the folder, though not look into it. Above
// our own two folders it is for the administrator to say so.
func (c *children) reachable() error {
	for dir, ours := filepath.Dir(c.dir), 2; ; dir, ours = filepath.Dir(dir), ours-1 {
		info, err := os.Stat(dir)
		if err != nil {
			return err
		}
		mode := info.Mode().Perm()
		if mode&0o001 == 0 {
			if ours <= 0 {
				return fmt.Errorf("%s lets other users not through to their keys: chmod o+x it, or choose another --runtime_dir", dir)
			}
			if err := os.Chmod(dir, mode|0o011); err != nil {
				return err
			}
		}
		if dir == filepath.Dir(dir) {
			return nil
		}
	}
}

// lookup says whose key it is.
func (c *children) lookup(key curve.Key) (keys.Grant, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	g, known := c.grants[key]
	return g, known
}

// take takes the key of a process back; false if it had none.
func (c *children) take(ref event.Ref) (curve.Key, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	key, there := c.keyOf[ref]
	if !there {
		return key, false
	}
	delete(c.keyOf, ref)
	delete(c.grants, key)
	delete(c.old, ref)
	c.remove(c.path(ref))
	return key, true
}

// remove removes both halves, the secret one first.
func (c *children) remove(path string) {
	for _, suffix := range []string{keys.SecretSuffix, keys.PublicSuffix} {
		if err := os.Remove(path + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			c.log.Warn("key of a task service not removed", "file", path+suffix, "err", err)
		}
	}
}

// forgotten names those whose keys an earlier provider has left, and who are no more.
// It does so once.
func (c *children) forgotten(lives func(event.Ref) bool) (over []event.Ref) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for ref := range c.old {
		if !lives(ref) {
			over = append(over, ref)
		}
	}
	clear(c.old)
	return over
}
