package launch

import (
	"errors"
	"time"

	"zmicroservices/conf"
)

// Hook is a <hook> whose program was found.
type Hook struct {
	On      string
	Path    string // absolute
	Argv    []string
	Timeout time.Duration
}

// Hooks finds the programs of the hooks of t, as that of a <command> is found. One
// that is not there fails the start: a service whose end cannot be tidied up had
// better not begin.
func (r *Resolver) Hooks(t *conf.Task) ([]Hook, error) {
	var all []Hook
	for _, h := range t.Process.Hooks {
		path, err := r.program(t, h.Command[0], "<hook>")
		var missing *NotFoundError
		if errors.As(err, &missing) {
			missing.Hook = h.On
		}
		if err != nil {
			return nil, err
		}
		all = append(all, Hook{On: h.On, Path: path, Argv: h.Command, Timeout: h.Timeout})
	}
	return all, nil
}

// Program finds the program of an exec probe of t.
func (r *Resolver) Program(t *conf.Task, name string) (string, error) {
	return r.program(t, name, "<probe exec>")
}
