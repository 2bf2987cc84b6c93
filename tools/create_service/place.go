package main

import (
	"os"
	"path/filepath"
)

// place says where the files of a run go. All paths are absolute but Location.
type place struct {
	Root        string // service_path: has services/, and sdk/ and go.mod if need be
	Services    string // has a directory a service
	ContextFile string
	Location    string // as the Context file has it
}

// newPlace resolves the paths of an order. Relative ones start at base. With an
// absolute service_path the Context file names absolute locations; with a
// relative one they are relative to the Context file, so that the whole can be
// moved, or cloned, anywhere.
func newPlace(base, servicePath, homePath, contextName string) (place, error) {
	base, err := filepath.Abs(base)
	if err != nil {
		return place{}, err
	}
	if homePath == "" {
		homePath = servicePath
	}
	root, home := resolve(base, servicePath), resolve(base, homePath)
	p := place{Root: root, Services: existing(root, "services", "Services")}
	conf := existing(home, "conf", "Conf")
	p.ContextFile = filepath.Join(conf, "Context-"+contextName+".xml")
	p.Location = p.Services
	if !filepath.IsAbs(servicePath) && !filepath.IsAbs(homePath) {
		if p.Location, err = filepath.Rel(conf, p.Services); err != nil {
			return place{}, err
		}
	}
	return p, nil
}

func resolve(base, path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(base, path)
}

// existing is the first of the names that is a directory in dir; if none is,
// the first name. The original's directories are capitalised, ours are not.
func existing(dir string, names ...string) string {
	for _, name := range names {
		path := filepath.Join(dir, name)
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			return path
		}
	}
	return filepath.Join(dir, names[0])
}

// short is a path as people like to read it: relative if it is below the
// working directory.
func short(path string) string {
	here, err := os.Getwd()
	if err != nil {
		return path
	}
	if rel, err := filepath.Rel(here, path); err == nil && filepath.IsLocal(rel) {
		return rel
	}
	return path
}
