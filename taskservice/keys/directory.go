package keys

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"zmicroservices/taskservice/zmtp/curve"
)

// DirectoryOptions say where the keys of clients are.
type DirectoryOptions struct {
	Path   string       // of the directory; its *.key count
	Logger *slog.Logger // nil: silent
	// Interval is how often Run looks for what was changed in place; 0: 1 s.
	Interval time.Duration
	// Revoked is told, by Run's goroutine, which keys were removed, or changed in
	// what they may do: their connections are to be ended. Nil: nobody is told.
	Revoked func([]curve.Key)
}

// Directory is a directory of the certificates of clients that may connect. A
// file that cannot be read as one is logged, and lets nobody in; the others count.
type Directory struct {
	roster[curve.Key]
	path  string
	at    stamp              // of the directory when it was read
	read  time.Time          // when that was
	files map[string]*client // by name; guarded by the roster's mu, as the two above
}

// client is one file.
type client struct {
	stamp
	certificate Certificate
	err         error
}

// OpenDirectory reads it; an error says that there is none.
func OpenDirectory(o DirectoryOptions) (*Directory, error) {
	d := &Directory{path: o.Path, files: map[string]*client{}}
	d.init(o.Logger, o.Interval, o.Revoked)
	d.look = d.scan
	info, err := os.Stat(o.Path)
	if err == nil {
		err = guarded(info)
	}
	if err != nil {
		return nil, fmt.Errorf("open directory of keys: %w", err)
	}
	if err := d.refresh(true); err != nil {
		return nil, fmt.Errorf("open directory of keys: %w", err)
	}
	return d, nil
}

// Lookup says who has a key, if it is authorized. A key that was added or removed
// before the call is seen.
func (d *Directory) Lookup(key curve.Key) (Grant, bool) { return d.lookup(key) }

// Len is how many keys are authorized.
func (d *Directory) Len() int { return d.size() }

// Run looks each Interval for what has changed in place and tells of what is gone,
// until ctx ends; then it returns nil.
func (d *Directory) Run(ctx context.Context) error { return d.run(ctx) }

// settled is after which time a directory's own time cannot hide a later change:
// file systems count it in steps of up to two seconds.
const settled = 2 * time.Second

// scan is the roster's look.
func (d *Directory) scan(thorough bool) (map[curve.Key]Grant, bool, error) {
	info, err := os.Stat(d.path)
	if errors.Is(err, fs.ErrNotExist) {
		changed := len(d.files) > 0
		clear(d.files)
		d.at = stamp{}
		return map[curve.Key]Grant{}, changed, nil
	}
	if err != nil {
		return nil, false, err
	}
	now := time.Now()
	if !thorough && d.at.same(info) && d.read.Sub(info.ModTime()) > settled {
		return nil, false, nil
	}
	entries, err := os.ReadDir(d.path)
	if err != nil {
		return nil, false, err
	}
	changed, err := d.update(entries)
	if err != nil {
		return nil, false, err
	}
	d.at, d.read = stamp{info}, now
	if !changed {
		return nil, false, nil
	}
	return d.grants(), true, nil
}

// update reads those files again that are not what they were.
func (d *Directory) update(entries []fs.DirEntry) (changed bool, err error) {
	seen := map[string]bool{}
	for _, e := range entries {
		name := e.Name()
		if !strings.HasSuffix(name, PublicSuffix) || strings.HasPrefix(name, ".") {
			continue
		}
		path := filepath.Join(d.path, name)
		info, err := os.Stat(path) // a link is what it points to
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return false, err
		}
		seen[name] = true
		if old := d.files[name]; old != nil && old.same(info) {
			continue
		}
		next := &client{stamp: stamp{info}}
		f, err := readFile(path)
		if err == nil {
			next.stamp = f.stamp
			if err = guarded(f.info); err == nil {
				next.certificate, err = parse(f, path)
			}
		} else if isShortage(err) {
			return false, err
		}
		if next.err = err; err != nil {
			d.log.Warn("key file not understood: it lets nobody in", "file", path, "err", err)
		}
		d.files[name] = next
		changed = true
	}
	for name := range d.files {
		if !seen[name] {
			delete(d.files, name)
			changed = true
		}
	}
	return changed, nil
}

// grants is the table of the files as they are. Of two files with one key the
// first by name counts, whatever the order in which they came.
func (d *Directory) grants() map[curve.Key]Grant {
	table := map[curve.Key]Grant{}
	names := make([]string, 0, len(d.files))
	for name := range d.files {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		c := d.files[name]
		if c.err != nil {
			continue
		}
		if first, twice := table[c.certificate.Public]; twice {
			d.log.Warn("key file not used: another has the same key", "file", filepath.Join(d.path, name), "other", first.Name)
			continue
		}
		table[c.certificate.Public] = c.certificate.Grant
	}
	return table
}
