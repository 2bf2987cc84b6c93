package launch

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"zmicroservices/conf"
)

// Env is what t adds to its environment, with its files read.
func (r *Resolver) Env(t *conf.Task) ([]conf.Env, error) {
	if !slices.ContainsFunc(t.Process.Env, func(e conf.Env) bool { return e.File != "" }) {
		return t.Process.Env, nil
	}
	return ReadEnv(r.abs(""), t.Process.Env)
}

// ReadEnv replaces each <env file> of list by the variables of that file, in
// its place. Relative files start in dir, the Context file's folder.
//
// A file has one NAME=value a line, as EnvironmentFile= of systemd.exec(5)
// without its escapes: blank lines and those that begin with # or ; count for
// nothing, `export ` before a name is passed over, one pair of quotes about the
// value is taken off, and nothing is expanded.
func ReadEnv(dir string, list []conf.Env) ([]conf.Env, error) {
	var all []conf.Env
	for _, e := range list {
		if e.File == "" {
			all = append(all, e)
			continue
		}
		path := e.File
		if !filepath.IsAbs(path) {
			path = filepath.Join(dir, path)
		}
		if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
			return nil, fmt.Errorf("read environment: %s is no regular file", path) // a FIFO would be waited for
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("read environment: %w", err)
		}
		vars, err := parseEnv(string(text))
		if err != nil {
			return nil, fmt.Errorf("read environment: %s:%w", path, err)
		}
		for i := range vars {
			vars[i].Pos = e.Pos
		}
		all = append(all, vars...)
	}
	return all, nil
}

// parseEnv reads the text of an environment file. Its errors begin with the
// line number.
func parseEnv(text string) ([]conf.Env, error) {
	var vars []conf.Env
	number := 0
	for line := range strings.Lines(text) {
		number++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' || line[0] == ';' {
			continue
		}
		name, value, found := strings.Cut(strings.TrimPrefix(line, "export "), "=")
		name = strings.TrimSpace(name)
		switch {
		case !found || name == "" || strings.ContainsAny(name, " \t"):
			return nil, fmt.Errorf("%d: %q is no NAME=value", number, line)
		case strings.HasPrefix(name, "ZMS_"):
			return nil, fmt.Errorf("%d: %s is the provider's to set", number, name)
		case strings.IndexByte(value, 0) >= 0:
			return nil, fmt.Errorf("%d: the value of %s holds a NUL", number, name)
		}
		vars = append(vars, conf.Env{Name: name, Value: unquote(strings.TrimSpace(value))})
	}
	return vars, nil
}

func unquote(s string) string {
	if len(s) >= 2 && (s[0] == '"' || s[0] == '\'') && s[len(s)-1] == s[0] {
		return s[1 : len(s)-1]
	}
	return s
}
