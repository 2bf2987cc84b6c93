// Package launch finds out what a task service is run as: from a conf.Task to a
// path, an argv, a directory and an environment.
//
// In order: the task's <Process><command>; else a task of that name bundled in
// our own binary; else, in the folder <location>/<instance>/ (also in lower
// case), the executable of that name, else main.go, else main.py:
//
//	base := launch.NewBase(os.Environ())
//	r := &launch.Resolver{Dir: "/opt/site/conf", Exe: self, Bundled: bundled.Has}
//	plan, err := r.Resolve(task) // *NotFoundError names the paths and the remedy
//	if plan.Build != nil { … run plan.Build.Argv in plan.Build.Dir first … }
//	extra, err := r.Env(task) // with the files that <env file> names
//	who, err := launch.AccountOf(&task.Process) // nil: the provider's own user
//	env := launch.Environ(base, launch.Vars{Ref: ref, …}, append(who.Env(), extra...))
//
// It looks at files and the user database, and decides. It never starts a process, never writes a
// file, and knows neither bus nor keeper: the build of a stale Go service is
// described (Build) and run by whoever runs processes.
//
// # Why not run main.go by go run
//
// The service would be a grandchild: another pid on the bus than the one that
// is signalled, and an exit code that is always 1.
//
// # Why not rename the fresh binary into place ourselves
//
// go build -o does: it links in a temporary folder and renames, or removes the
// old file and copies. A running service keeps the file it was started from.
package launch
