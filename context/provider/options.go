package provider

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"zmicroservices/conf"
	"zmicroservices/context/command"
	"zmicroservices/context/event"
	"zmicroservices/taskservice/hippodamia"
)

// Options say what a provider is. Context and Logger are required.
type Options struct {
	Context    *conf.Context
	Logger     *slog.Logger
	Version    string
	StateDir   string // of this context; "" is a folder named after it under the user's state directory
	RuntimeDir string // of all contexts; "" is command.RuntimeDir's

	Linger time.Duration // how long services outlive a provider that died; keeper.Forever

	// What stays on the disk. Zero fields stand for the defaults.
	JournalRows     int           // rows of the journal: 1,000,000
	JournalAge      time.Duration // and how old they get: 30 days
	LogTransactions int           // transactions that are over whose output stays: 1,000

	HTTP string // where metrics, health and figures are served, host:port; "": nowhere

	BindAll       bool
	Insecure      bool
	Curve         string // directory of keys: peers on tcp endpoints speak CURVE, "" NULL
	Plain         string // file of users: they speak PLAIN
	AllowCommands bool

	// For agents and life cycle events. Zero fields stand for the defaults.
	PingInterval  time.Duration // of agents: 60 s
	AliveInterval time.Duration // of alive events: 1 h
	WatchPrefix   string        // of the watchdog's topics: hippodamia

	ServicesPaths []string                   // "" is every location in the file
	Original      bool                       // nothing on the bus that the original did not send
	Bundled       func(instance string) bool // tasks that Exe runs itself

	Start       bool                      // begin a transaction with every service of the file
	Transaction event.TransactionID       // its identifier; "" is a new one
	Began       func(event.TransactionID) // told of it

	Argv     []string  // how this process was called, to execute another program in its place; nil: that is not to be
	Upgraded *Upgraded // this is such a program; see TakeUpgraded

	keeperSilence time.Duration // how long a keeper may be silent; 0: the keeper's default, 30 s

	keeperExe string // the keeper's program; "" is the running one, whatever lies in its place by now

	Exe string // the program whose `keeper` and `task` arguments are ours; "" is the running one
}

func (o *Options) complete() error {
	if o.Context == nil || o.Logger == nil {
		return errors.New("provider: Context and Logger are required")
	}
	if o.Bundled == nil {
		o.Bundled = func(string) bool { return false }
	}
	if o.PingInterval < 0 || o.AliveInterval < 0 {
		return errors.New("provider: PingInterval and AliveInterval are not negative")
	}
	if o.PingInterval == 0 {
		o.PingInterval = DefaultPing
	}
	if o.AliveInterval == 0 {
		o.AliveInterval = DefaultAlive
	}
	if _, err := hippodamia.NewTopics(o.WatchPrefix); err != nil {
		return err
	}
	o.keeperExe = o.Exe
	if o.Exe == "" {
		exe, err := os.Executable()
		if err != nil {
			return fmt.Errorf("find own program: %w", err)
		}
		o.Exe = exe
	}
	if o.JournalRows < 0 || o.JournalAge < 0 || o.LogTransactions < 0 {
		return errors.New("provider: JournalRows, JournalAge and LogTransactions are not negative")
	}
	if o.LogTransactions == 0 {
		o.LogTransactions = 1000
	}
	c := o.Context
	runtime := command.RuntimeDir(o.RuntimeDir)
	o.RuntimeDir = command.Folder(runtime, c.ContextID, c.FrontEndEndpoint, c.BackendEndpoint)
	if o.StateDir == "" {
		o.StateDir = command.Folder(command.StateHome(), c.ContextID, c.FrontEndEndpoint, c.BackendEndpoint)
	}
	for _, dir := range []*string{&o.RuntimeDir, &o.StateDir, &o.Curve, &o.Plain} {
		if *dir == "" {
			continue
		}
		abs, err := filepath.Abs(*dir)
		if err != nil {
			return fmt.Errorf("find directory %s: %w", *dir, err)
		}
		*dir = abs
	}
	if c.Wire == "original" {
		o.Original = true
	}
	if o.Curve != "" && o.Plain != "" {
		return errors.New("provider: Curve and Plain exclude each other")
	}
	return o.beyondLoopback()
}

// DefaultPing and DefaultAlive are the intervals of pings and of alive events.
const (
	DefaultPing  = time.Minute
	DefaultAlive = time.Hour // as Choria's
)

// topics are the watchdog's.
func (o *Options) topics() hippodamia.Topics {
	topics, _ := hippodamia.NewTopics(o.WatchPrefix) // complete has checked it
	return topics
}

// Directories gives the runtime and the state directory of this context, as a
// provider with these options takes them.
func (o Options) Directories() (runtime, state string, err error) {
	if err := o.complete(); err != nil {
		return "", "", err
	}
	return o.RuntimeDir, o.StateDir, nil
}
