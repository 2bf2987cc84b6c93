package provider

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"slices"
	"time"

	"zmicroservices/context/command"
	"zmicroservices/context/event"
	"zmicroservices/context/keeper"
	"zmicroservices/context/logs"
)

// output answers what task services have printed, from the files and, to follow it,
// from taps of the keeper.
type output struct{ p *Provider }

// Read implements command.Logs.
func (o output) Read(ctx context.Context, q command.LogQuery, each func([]command.LogLine) error) error {
	var b batch
	lq := logs.Query{Since: q.Since, Last: q.Last, Pause: func() error { return b.pass(each) }}
	for _, t := range q.Tasks {
		lq.Tasks = append(lq.Tasks, string(t))
	}
	dir := filepath.Join(o.p.opts.StateDir, "logs", string(q.Transaction))
	add := func(l logs.Line) error {
		if b.add(l) {
			return b.pass(each)
		}
		return nil
	}
	var err error
	if q.Follow {
		if lq.Tasks, err = o.tasks(q, dir); err != nil {
			return err
		}
		err = logs.Listen(ctx, dir, lq, func(ctx context.Context, task string) (logs.Ear, error) {
			return o.listen(ctx, keeper.ID{Transaction: string(q.Transaction), Task: task})
		}, add)
	} else {
		err = logs.Read(ctx, dir, lq, add)
	}
	return errors.Join(err, b.pass(each))
}

// tasks are those to follow: those named, else all that have printed, that the
// transaction has or that our own file could start in it.
func (o output) tasks(q command.LogQuery, dir string) ([]string, error) {
	if len(q.Tasks) > 0 {
		names := make([]string, len(q.Tasks))
		for i, t := range q.Tasks {
			names[i] = string(t)
		}
		return names, nil
	}
	names, err := logs.Tasks(dir)
	if err != nil {
		return nil, err
	}
	for id := range o.p.known {
		names = append(names, string(id))
	}
	if v := o.p.View(q.Transaction); v != nil {
		for _, t := range v.Tasks {
			names = append(names, string(t.ID))
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// batch gathers lines, so that a long log is not a message for each of them.
type batch struct {
	lines []command.LogLine
	bytes int
}

// add takes a line and says whether it is enough.
func (b *batch) add(l logs.Line) bool {
	const lines, size = 500, 256 << 10
	b.lines = append(b.lines, command.LogLine{At: l.At, Task: event.TaskID(l.Task), Stream: l.Stream, Text: bytes.Clone(l.Text)})
	b.bytes += len(l.Text)
	return len(b.lines) >= lines || b.bytes >= size
}

func (b *batch) pass(each func([]command.LogLine) error) error {
	if len(b.lines) == 0 {
		return nil
	}
	lines := b.lines
	*b = batch{}
	return each(lines)
}

// lastingEar is a tap of the keeper, and of the one that follows when that is killed.
type lastingEar struct {
	hold *hold
	id   keeper.ID
	tap  *keeper.Tap
	from time.Time
}

func (o output) listen(ctx context.Context, id keeper.ID) (logs.Ear, error) {
	tap, err := o.p.hold.current().Tap(ctx, id)
	if err != nil {
		return nil, err
	}
	return &lastingEar{o.p.hold, id, tap, tap.From()}, nil
}

func (e *lastingEar) From() time.Time { return e.from }

func (e *lastingEar) Close() error { return e.tap.Close() }

// Next implements logs.Ear.
func (e *lastingEar) Next(ctx context.Context) ([]byte, uint64, error) {
	for {
		h, err := e.tap.Next(ctx)
		if !errors.Is(err, keeper.ErrEnded) || e.hold.isEnded() {
			return h.Lines, h.Dropped, err
		}
		if err := e.again(ctx); err != nil {
			return nil, 0, err
		}
	}
}

// again listens to the next keeper. What it wrote before is in the files.
func (e *lastingEar) again(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, adoptionGrace)
	defer cancel()
	look := time.NewTicker(50 * time.Millisecond) // it is there within a second, or not at all
	defer look.Stop()
	for {
		tap, err := e.hold.current().Tap(ctx, e.id)
		if err == nil {
			e.tap = tap
			return nil
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return err
		}
	}
}
