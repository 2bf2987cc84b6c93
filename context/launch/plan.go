package launch

// Plan is what a task service is run as.
type Plan struct {
	Path     string   // absolute
	Argv     []string // argv[0] as written in <command>, else Path
	Dir      string   // absolute; the process starts here
	Build    *Build   // nil, or what must succeed before Path can be run
	Warnings []string // said once to the operator; the plan holds all the same
}

// Build is a command that makes or renews the executable of a Go service. It
// is described here and run elsewhere.
type Build struct {
	Argv   []string // Argv[0] is the absolute path of the go command
	Dir    string   // the service's folder
	Env    []string // KEY=value, the whole environment
	Why    string   // "missing" or "stale"
	Output string   // the executable; equal to Plan.Path
}
