package keeper

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"zmicroservices/context/keeper/cgroup"
	"zmicroservices/context/keeper/logfile"
)

// Spec is everything the keeper must know to run a process, and to end it alone.
// It is complete: the keeper adds nothing to argv or the environment.
type Spec struct {
	ID     ID       `json:"id"`
	Path   string   `json:"path"` // absolute
	Argv   []string `json:"argv"` // argv[0] included, passed on unchanged
	Env    []string `json:"env"`  // KEY=value, the whole environment
	Dir    string   `json:"dir,omitempty"`
	Stop   Recipe   `json:"stop"`
	Output Output   `json:"output"`

	// Attributes, Cgroup, Hooks and Notify need a keeper of version 3.
	Attributes *Attributes `json:"attributes,omitempty"`
	Cgroup     *Cgroup     `json:"cgroup,omitempty"`
	Hooks      []Hook      `json:"hooks,omitempty"`
	// Notify is where its notices are heard: NotifyAddress, which its environment names
	// as NOTIFY_SOCKET. "" is nowhere.
	Notify string `json:"notify,omitempty"`
}

// Cgroup asks for a control group of the slot's own, made before its first instruction
// and removed after its last. What is in it belongs to the slot.
type Cgroup = cgroup.Limits

func (s *Spec) credential() *Credential {
	if s.Attributes == nil {
		return nil
	}
	return s.Attributes.Credential
}

// Recipe says how a slot is ended: Signal to its process group, Grace, then
// SIGKILL until nothing is left.
type Recipe struct {
	// Rank orders the end of everything: slots of the lowest rank are stopped
	// first and together, the next rank when they are gone.
	Rank int `json:"rank,omitempty"`
	// Signal is the polite one; 0 means SIGTERM.
	Signal syscall.Signal `json:"signal,omitempty"`
	// Grace is the time between Signal and SIGKILL; 0 means at once.
	Grace time.Duration `json:"grace,omitempty"`
}

// Output says where stdout and stderr of a slot go. With the zero Output both
// are /dev/null.
type Output struct {
	// Log is the file that lines are appended to, each as RFC 3339 time with nine
	// digits of nanoseconds, space, "out" or "err", space, the line as written.
	// A relative path is taken from the keeper's state directory. "" is no file.
	Log string `json:"log,omitempty"`
	// Tail is how many of the last bytes of both streams together come back with
	// Exited, as written. At most MaxTail.
	Tail int `json:"tail,omitempty"`

	// MaxSize in bytes, MaxAge from its first line: at either the file is cut, never
	// within a line; 0 is never. What is cut gets the time of the cut behind its name
	// (<log>.20061231T150405.000000000Z), and Keep of those stay.
	MaxSize int64         `json:"max_size,omitempty"`
	MaxAge  time.Duration `json:"max_age,omitempty"`
	Keep    int           `json:"keep,omitempty"`
	// Budget bounds all files under logs/ of the state directory together, in bytes; 0
	// is no bound. That of the last Spec is in force.
	Budget int64 `json:"budget,omitempty"`
}

func (o Output) limits() logfile.Limits {
	return logfile.Limits{MaxSize: o.MaxSize, MaxAge: o.MaxAge, Keep: o.Keep, Budget: o.Budget}
}

// MaxTail bounds Output.Tail, in bytes.
const MaxTail = 64 << 10

// check refuses what no kernel could run, with a reason that names the field.
func (s *Spec) check() error {
	switch {
	case s.ID.Transaction == "" || s.ID.Task == "":
		return errors.New("spec has no id")
	case !filepath.IsAbs(s.Path):
		return fmt.Errorf("path %q is not absolute", s.Path)
	case len(s.Argv) == 0:
		return errors.New("argv is empty")
	case s.Dir != "" && !filepath.IsAbs(s.Dir):
		return fmt.Errorf("directory %q is not absolute", s.Dir)
	case s.Stop.Grace < 0:
		return fmt.Errorf("grace %v is negative", s.Stop.Grace)
	case s.Stop.Signal < 0 || s.Stop.Signal > 64:
		return fmt.Errorf("signal %d does not exist", int(s.Stop.Signal))
	case s.Output.MaxSize < 0 || s.Output.MaxAge < 0 || s.Output.Keep < 0 || s.Output.Budget < 0:
		return errors.New("a limit of output is negative")
	case s.Output.Tail < 0 || s.Output.Tail > MaxTail:
		return fmt.Errorf("tail of %d bytes is beyond %d", s.Output.Tail, MaxTail)
	}
	for _, text := range append(append([]string{s.Path, s.Dir, s.Output.Log}, s.Argv...), s.Env...) {
		if strings.IndexByte(text, 0) >= 0 {
			return fmt.Errorf("%q holds a NUL", text)
		}
	}
	for _, h := range s.Hooks {
		if err := h.check(); err != nil {
			return err
		}
	}
	if s.Cgroup != nil {
		if err := s.Cgroup.Check(); err != nil {
			return err
		}
	}
	if s.Attributes != nil {
		return s.Attributes.check()
	}
	return nil
}

func (r Recipe) signal() syscall.Signal {
	if r.Signal == 0 {
		return syscall.SIGTERM
	}
	return r.Signal
}
