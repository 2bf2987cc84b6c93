package lifeview

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"zmicroservices/taskservice/lifecycle"
	"zmicroservices/tools/internal/access"
	"zmicroservices/tools/internal/exit"
	"zmicroservices/tools/internal/show"
)

// run prints events until ctx ends or the time is over, which is no error.
func run(ctx context.Context, out, err io.Writer, o options, args []string) error {
	filter, wrong := o.filter()
	if wrong != nil {
		return wrong
	}
	endpoint, wrong := access.Where("view", o.endpoint, o.contextFile, args)
	if wrong != nil {
		return wrong
	}
	b, missing := access.Listen(ctx, o.Proof, endpoint, nil)
	if missing != nil {
		if ctx.Err() != nil {
			return nil
		}
		return missing
	}
	defer b.Close(context.Background()) // nothing to drain: it only listens
	s, missing := lifecycle.Subscribe(ctx, b, filter)
	if missing != nil {
		if ctx.Err() != nil {
			return nil
		}
		return exit.Nobody("%w", missing)
	}
	fmt.Fprintf(err, "Waiting for events from topic %s> on %s\n", lifecycle.Prefix, endpoint)
	if o.duration > 0 { // counted from here: joining is not viewing
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, o.duration)
		defer cancel()
	}
	failure := o.follow(ctx, out, s)
	if n := s.Rejected(); n > 0 {
		fmt.Fprintf(err, "%d messages on topics of events were none (conf_command watch shows them)\n", n)
	}
	return failure
}

func (o options) follow(ctx context.Context, out io.Writer, s *lifecycle.Subscription) error {
	for {
		e, err := s.Next(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return exit.Failed("%w", err)
		}
		line, err := o.line(e, time.Now())
		if err == nil {
			_, err = fmt.Fprintln(out, line)
		}
		if err != nil {
			return exit.Failed("write: %w", err)
		}
	}
}

// line is an event as it is printed. What others wrote drives no terminal.
func (o options) line(e lifecycle.Received, at time.Time) (string, error) {
	switch {
	case o.debug:
		var b bytes.Buffer
		if err := json.Compact(&b, e.Data); err != nil {
			return "", err
		}
		return show.Printable(b.String()), nil
	case o.output == "json":
		data, err := json.Marshal(e.Event)
		return string(data), err
	}
	return at.Format("15:04:05") + " " + show.Printable(e.String()), nil
}
