package taskservice

import (
	"cmp"
	"runtime/debug"
	"sync"
)

// unversioned is the version of a program that was built from no particular one.
const unversioned = "devel"

// version is what the configuration says, else what the program was built from.
func (c Config) version() string { return cmp.Or(c.Version, built()) }

// built is the version of the program: of its module, else the commit it was built
// from, as far as the go command has noted that.
var built = sync.OnceValue(func() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return unversioned
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && s.Value != "" {
			return s.Value[:min(12, len(s.Value))]
		}
	}
	return unversioned
})
