package provider

import (
	"errors"
	"fmt"
	"log/slog"
)

// teardown is a stack of named steps, run last in, first out. A step that fails
// does not keep the next from being run.
type teardown struct{ steps []step }

type step struct {
	name string
	do   func() error
}

func (t *teardown) add(name string, do func() error) { t.steps = append(t.steps, step{name, do}) }

func (t *teardown) run(log *slog.Logger) error {
	var errs []error
	for i := len(t.steps) - 1; i >= 0; i-- {
		s := t.steps[i]
		log.Debug("teardown step began", "step", s.name)
		if err := s.do(); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", s.name, err))
		}
	}
	return errors.Join(errs...)
}
