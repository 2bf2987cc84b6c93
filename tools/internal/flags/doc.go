// Package flags is what the command lines of our programs have in common: names
// with underscores, a complaint about an unknown one that names the nearest, and Log.
//
//	root.SetGlobalNormalizationFunc(flags.Underscores)
//	root.SetFlagErrorFunc(flags.Hint)
//	// conf_command --task-idd=ts001: unknown flag: --task-idd; did you mean --task_id?
//
// It never prints and never exits: that is main's.
package flags
