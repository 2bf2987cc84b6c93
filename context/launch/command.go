package launch

import (
	"os"
	"path/filepath"
	"strings"

	"zmicroservices/conf"
)

// defaultPath is searched where no PATH is set, as by a shell.
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// command plans the argv of <command>. What has a slash is a path from the
// Context file's folder; anything else is looked up in the PATH that the
// process will have.
func (r *Resolver) command(t *conf.Task) (*Plan, error) {
	argv := append([]string(nil), t.Process.Command...)
	plan := &Plan{Argv: argv, Dir: r.abs("")}
	if strings.Contains(argv[0], "/") {
		plan.Path = r.abs(argv[0])
		if remark := unrunnable(plan.Path); remark != "" {
			return nil, &NotFoundError{
				Instance: t.Instance,
				Tried:    []string{plan.Path + remark},
				Help:     commandHelp(argv[0], remark, plan.Path),
			}
		}
		return notBundled(plan, t), nil
	}
	search, err := r.path(t)
	if err != nil {
		return nil, err
	}
	var tried []string
	for _, dir := range filepath.SplitList(search) {
		// A relative entry would mean another program in every folder.
		if !filepath.IsAbs(dir) {
			continue
		}
		path := filepath.Join(dir, argv[0])
		remark := unrunnable(path)
		if remark == "" {
			plan.Path = path
			return notBundled(plan, t), nil
		}
		tried = append(tried, path+remark)
	}
	return nil, &NotFoundError{Instance: t.Instance, Tried: tried, Help: commandHelp(argv[0], "", "")}
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

func commandHelp(name, remark, path string) string {
	switch {
	case remark == notExecutable:
		return "run `chmod +x " + path + "`, or put its interpreter first in <command>"
	case strings.Contains(name, "/"):
		return "mend the path in <command>; a relative one starts in the Context file's folder"
	}
	return "install " + name + ", or write its whole path in <command>"
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
