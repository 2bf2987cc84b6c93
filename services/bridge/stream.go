package bridge

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"zmicroservices/services/bridge/subject"
)

// kept are the subjects of the events that JetStream keeps.
var kept = []string{subject.AllControl, subject.AllLifecycle}

// errUnfit is the error of a stream that there is, and that does not do.
var errUnfit = errors.New("does not keep events as the bridge needs it")

// ensure sees to it that each of the kept subjects is in a stream, and gives their names.
// A stream that somebody has made for them (Choria does, for its events) is taken as it
// is; for the others ours is made, or given the subjects that it lacks.
func (s stream) ensure(ctx context.Context, js jetstream.JetStream, log *slog.Logger) ([]string, error) {
	var names, missing []string
	for _, one := range kept {
		name, err := js.StreamNameBySubject(ctx, one)
		switch {
		case errors.Is(err, jetstream.ErrStreamNotFound):
			missing = append(missing, one)
		case err != nil:
			return nil, fmt.Errorf("look for the stream of %s: %w", one, err)
		case !slices.Contains(names, name):
			names = append(names, name)
		}
	}
	if len(missing) > 0 {
		if err := s.make(ctx, js, missing); err != nil {
			return nil, fmt.Errorf("make stream %s for %v: %w (an operator may: nats stream add %s)", s.name, missing, err, s.name)
		}
		log.Info("stream made", "stream", s.name, "subjects", missing, "max_age", s.maxAge, "max_bytes", s.maxBytes)
		if !slices.Contains(names, s.name) {
			names = append(names, s.name)
		}
	}
	for _, name := range names {
		if err := validate(ctx, js, name, log); err != nil {
			return nil, err
		}
	}
	return names, nil
}

func (s stream) config(subjects []string) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name: s.name, Description: "events of task services, kept by the bridges of zmicroservices", Subjects: subjects,
		Retention: jetstream.LimitsPolicy, Discard: jetstream.DiscardOld, Storage: jetstream.FileStorage,
		MaxAge: s.maxAge, MaxBytes: s.maxBytes, Duplicates: s.duplicates, Replicas: s.replicas, AllowDirect: true,
	}
}

// make makes our stream. Another bridge that does so at the same time does the same.
func (s stream) make(ctx context.Context, js jetstream.JetStream, subjects []string) error {
	_, err := js.CreateStream(ctx, s.config(subjects))
	if !errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
		return err
	}
	old, err := js.Stream(ctx, s.name)
	if err != nil {
		return err
	}
	config := old.CachedInfo().Config // its limits are its owner's
	for _, one := range subjects {
		if !slices.Contains(config.Subjects, one) {
			config.Subjects = append(config.Subjects, one)
		}
	}
	_, err = js.UpdateStream(ctx, config)
	return err
}

// shortDuplicates is a window that an ordinary restart of a server may outlast.
const shortDuplicates = 2 * time.Minute

// validate refuses a stream without which there is no at-least-once, and says what else
// is unwise about it.
func validate(ctx context.Context, js jetstream.JetStream, name string, log *slog.Logger) error {
	s, err := js.Stream(ctx, name)
	if err != nil {
		return fmt.Errorf("look at stream %s: %w", name, err)
	}
	c := s.CachedInfo().Config
	switch {
	case c.NoAck:
		return fmt.Errorf("stream %s %w: it acknowledges nothing (no_ack)", name, errUnfit)
	case c.Mirror != nil || c.Sealed:
		return fmt.Errorf("stream %s %w: nothing can be published to it", name, errUnfit)
	case c.Retention == jetstream.WorkQueuePolicy:
		return fmt.Errorf("stream %s %w: the first who reads an event takes it from all others (retention workqueue)", name, errUnfit)
	}
	if c.Discard == jetstream.DiscardNew && (c.MaxBytes > 0 || c.MaxMsgs > 0) {
		log.Warn("stream refuses events when it is full: they wait in the spools then", "stream", name)
	}
	if c.Duplicates > 0 && c.Duplicates < shortDuplicates {
		log.Warn("stream forgets ids soon: other readers than bridges may see an event twice", "stream", name, "duplicates", c.Duplicates)
	}
	if c.MaxBytes <= 0 && c.MaxMsgs <= 0 && c.MaxAge <= 0 {
		log.Warn("stream has no limit: it grows until its disk is full", "stream", name)
	}
	return nil
}
