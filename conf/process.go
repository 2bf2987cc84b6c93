package conf

import "time"

// Process is our <Process> element: how a task service becomes a process and
// how it is looked after. Its zero value is not a default; DefaultProcess is.
type Process struct {
	Pos Pos `json:"-"` // zero when the file has no <Process>

	Announce string // who says started, stopped, failed: "provider", "self", "" when not written

	Command    []string // argv; no shell sees it and nothing in it is expanded
	CommandPos Pos      `json:"-"`
	Directory  string   // "" is the provider's choice
	User       string   // name or number; "" is the provider's own
	Group      string   // "" is the user's own
	UserPos    Pos      `json:"-"` // of <user>, else of <group>
	Umask      *int     // nil is inherited
	Nice       *int     // nil is inherited
	Affinity   []int    // CPU numbers; nil is inherited

	Env      []Env
	Stop     Stop
	Restart  Restart
	Depends  []Depends
	Probes   []Probe
	Limits   ProcessLimits
	Hooks    []Hook
	Schedule *Schedule // nil runs when told to
	Replicas int
	Log      Log

	places map[string]Pos // of replicas, when it says something
}

// Env is one variable (Name and Value) or a file of them (File).
type Env struct {
	Pos   Pos `json:"-"`
	Name  string
	Value string
	File  string
}

// Stop says how a process is asked to end, and how long it is waited for.
type Stop struct {
	Pos     Pos `json:"-"`
	Signal  string
	Timeout time.Duration
}

// Restart is the policy applied to a failure before on_fail is.
type Restart struct {
	Pos         Pos    `json:"-"`
	Policy      string // never, on-failure, always
	Success     []int  // exit codes that are no failure
	Backoff     time.Duration
	Factor      float64
	MaxBackoff  time.Duration
	Jitter      float64 // share of the backoff, 0 to 1
	Intensity   int     // restarts within Window before giving up
	Window      time.Duration
	ResumeAfter time.Duration // giving up ends after it
}

// Depends holds a task back until another one has come so far.
type Depends struct {
	Pos   Pos    `json:"-"`
	On    string // task id
	Until string // started, ready, completed
}

// Probe asks a running service how it is. One of Exec, HTTP, TCP, Log, Topic
// and Notify says by what.
type Probe struct {
	Pos      Pos    `json:"-"`
	Kind     string // startup, readiness, liveness
	Exec     []string
	HTTP     string // URL
	TCP      string // host:port
	Log      string // regular expression over output lines
	Topic    string // bus topic
	Notify   bool   // sd_notify or the SDK's notice
	Every    time.Duration
	Timeout  time.Duration
	Failures int // in a row
}

// ProcessLimits are rlimits and cgroup limits, as written; "" is no limit of
// ours.
type ProcessLimits struct {
	Pos    Pos    `json:"-"`
	NoFile string // count, or "soft:hard"
	NProc  string
	AS     string // bytes, as a size
	Core   string
	Memory int64   // bytes, cgroup; 0 is none
	CPU    float64 // percent of one core, cgroup; 0 is none
	PIDs   int     // cgroup; 0 is none
}

// Hook is a short command run at a turn of the service's life.
type Hook struct {
	Pos     Pos    `json:"-"`
	On      string // pre_start, post_start, pre_stop, post_stop
	Command []string
	Timeout time.Duration
}

// Schedule starts a task by the clock: Cron or Every.
type Schedule struct {
	Pos     Pos `json:"-"`
	Cron    string
	Every   time.Duration
	Zone    string // IANA name; "" is local time
	Overlap string // skip, queue, kill
}

// Log bounds the files that a service's output goes to.
type Log struct {
	Pos     Pos   `json:"-"`
	MaxSize int64 // bytes
	Keep    int   // old files
	MaxAge  time.Duration
	Gzip    bool
}

// DefaultProcess is what a task service without a <Process> has.
func DefaultProcess() Process {
	return Process{
		Stop: Stop{Signal: "SIGTERM", Timeout: 10 * time.Second},
		Restart: Restart{
			Policy: "never", Success: []int{0}, Backoff: 100 * time.Millisecond, Factor: 2, MaxBackoff: 30 * time.Second,
			Jitter: 0.1, Intensity: 5, Window: 10 * time.Second, ResumeAfter: 5 * time.Minute,
		},
		Replicas: 1,
		Log:      Log{MaxSize: 10e6, Keep: 5, Gzip: true},
	}
}

// defaultProbe and defaultHookTimeout are the defaults of repeatable elements.
var defaultProbe = Probe{Every: time.Second, Timeout: time.Second, Failures: 3}

const defaultHookTimeout = 10 * time.Second

// note remembers where an element was written that has no struct to keep its
// place in.
func (p *Process) note(name string, pos Pos) {
	if p.places == nil {
		p.places = map[string]Pos{}
	}
	p.places[name] = pos
}
