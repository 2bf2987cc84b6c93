package launch

import (
	"os"
	"path/filepath"
	"strings"

	"zmicroservices/conf"
)

// defaultPath is searched where no PATH is set, as by a shell.
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// command plans the argv of <command>.
func (r *Resolver) command(t *conf.Task) (*Plan, error) {
	path, err := r.program(t, t.Process.Command[0], "<command>")
	if err != nil {
		return nil, err
	}
	return notBundled(&Plan{Path: path, Argv: append([]string(nil), t.Process.Command...), Dir: r.abs("")}, t), nil
}

// program finds the program of an argv. What has a slash is a path from the Context
// file's folder; anything else is looked up in the PATH that the process will have.
// element is where name was written.
func (r *Resolver) program(t *conf.Task, name, element string) (string, error) {
	if strings.Contains(name, "/") {
		path := r.abs(name)
		if remark := unrunnable(path); remark != "" {
			return "", &NotFoundError{Instance: t.Instance, Tried: []string{path + remark}, Help: commandHelp(name, remark, path, element)}
		}
		return path, nil
	}
	search, err := r.path(t)
	if err != nil {
		return "", err
	}
	var tried []string
	for _, dir := range filepath.SplitList(search) {
		// A relative entry would mean another program in every folder.
		if !filepath.IsAbs(dir) {
			continue
		}
		path := filepath.Join(dir, name)
		remark := unrunnable(path)
		if remark == "" {
			return path, nil
		}
		tried = append(tried, path+remark)
	}
	return "", &NotFoundError{Instance: t.Instance, Tried: tried, Help: commandHelp(name, "", "", element)}
}

// path is the PATH of the process: its own <env>, else the one it inherits.
func (r *Resolver) path(t *conf.Task) (string, error) {
	extra, err := r.Env(t)
	if err != nil {
		return "", err
	}
	path, _ := lookup(r.environ(), "PATH")
	for _, e := range extra {
		if e.Name == "PATH" {
			path = e.Value
		}
	}
	if path == "" {
		return defaultPath, nil
	}
	return path, nil
}

func commandHelp(name, remark, path, element string) string {
	switch {
	case remark == notExecutable:
		return "run `chmod +x " + path + "`, or put its interpreter first in " + element
	case strings.Contains(name, "/"):
		return "mend the path in " + element + "; a relative one starts in the Context file's folder"
	}
	return "install " + name + ", or write its whole path in " + element
}

const notExecutable = " (not executable)"

// unrunnable is what keeps the file at path from being run, as a remark for
// NotFoundError.Tried; "" if nothing does.
func unrunnable(path string) string {
	info, err := os.Stat(path)
	switch {
	case os.IsNotExist(err):
		return " (not there)"
	case err != nil:
		return " (" + cause(err).Error() + ")"
	case info.IsDir():
		return " (a folder)"
	case !info.Mode().IsRegular():
		return " (no regular file)"
	case info.Mode().Perm()&0o111 == 0:
		return notExecutable
	}
	return ""
}
