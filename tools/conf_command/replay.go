package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"zmicroservices/context/command"
	"zmicroservices/taskservice/message"
)

// replaying are the options of replay.
type replaying struct {
	options
	speed    float64
	to       string
	commands bool
}

func newReplay(w world) *cobra.Command {
	var o replaying
	cmd := &cobra.Command{
		Use:   "replay RECORDING CONTEXT.xml",
		Short: "Play a recording back to a bus",
		Long: `Publish the messages that record wrote, byte for byte, in their order and with
the pauses that were between them.

They are for subscribers: the provider itself heeds none. Messages on context,
process and state are refused, before anything is published, unless --commands
says that the provider is to carry them out once more, as commands of whoever
runs this. With --to the topics are others, and nothing of that applies.`,
		Example: `  conf_command replay run.jsonl conf/Context-EchoAction.xml
  conf_command replay run.jsonl conf/Context-EchoAction.xml --speed 4
  conf_command replay run.jsonl conf/Context-EchoAction.xml --speed 0 --to replay.`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error { return runReplay(cmd.Context(), w, o, args) },
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
			switch len(args) {
			case 0:
				return []cobra.Completion{"jsonl"}, cobra.ShellCompDirectiveFilterFileExt
			case 1:
				return []cobra.Completion{"xml"}, cobra.ShellCompDirectiveFilterFileExt
			}
			return nil, cobra.ShellCompDirectiveNoFileComp
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.Float64Var(&o.speed, "speed", 1, "how many times as fast; 0: as fast as possible")
	f.StringVar(&o.to, "to", "", "put this before every topic: frames becomes replay.frames with replay.")
	f.BoolVar(&o.commands, "commands", false, "publish on context, process and state too, to be carried out")
	o.registerFile(f)
	f.StringVar(&o.runtimeDir, "runtime_dir", "", "directory of the control sockets (also $ZMS_RUNTIME_DIR)")
	if err := cmd.MarkFlagFilename("context_file", "xml"); err != nil {
		panic(err) // a flag that does not exist
	}
	return cmd
}

func runReplay(ctx context.Context, w world, o replaying, args []string) error {
	if !(o.speed >= 0) { // nor NaN
		return fmt.Errorf("--speed %g is no speed", o.speed)
	}
	file, rest, err := o.load(args[1:])
	switch {
	case err != nil:
		return err
	case len(rest) > 0:
		return fmt.Errorf("%q is one too many: a recording is played back as it is", rest[0])
	}
	tape, err := os.Open(args[0])
	if err != nil {
		return fmt.Errorf("read recording: %w", err)
	}
	defer tape.Close()
	// Once through before the first message is sent: half a replay is worse than none.
	total := 0
	err = o.each(tape, func(m command.BusMessage) error { total++; return o.mayPlay(m) })
	if err == nil {
		_, err = tape.Seek(0, io.SeekStart)
	}
	if err != nil {
		return fmt.Errorf("read recording %s: %w", args[0], err)
	}
	c, err := dialLocal(ctx, o.options, file)
	if err != nil {
		return err
	}
	defer c.Close()
	p := &player{ctx: ctx, c: c, o: o}
	err = o.each(tape, p.play)
	if err == nil {
		err = p.send()
	}
	fmt.Fprintf(w.err, "%d of %d messages in %s\n", p.sent, total, p.took().Round(time.Millisecond))
	switch {
	case ctx.Err() != nil:
		return failed("interrupted")
	case err != nil:
		return failed("replay: %w", err)
	}
	return nil
}

// maxTapeLine bounds a line of a recording: a message as base64, and some more.
const maxTapeLine = 96 << 20

// each reads a recording. An error names the line.
func (o replaying) each(tape io.Reader, do func(command.BusMessage) error) error {
	lines := bufio.NewScanner(tape)
	lines.Buffer(make([]byte, 0, 64<<10), maxTapeLine)
	number := 0
	for lines.Scan() {
		number++
		if number == 1 {
			if _, err := readLabel(lines.Bytes()); err != nil {
				return err
			}
			continue
		}
		m, err := readEntry(lines.Bytes())
		if err == nil {
			m.Frames[0] = slices.Concat([]byte(o.to), m.Frames[0])
			err = do(m)
		}
		if err != nil {
			return fmt.Errorf("line %d: %w", number, err)
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("line %d: %w", number+1, err)
	}
	if number == 0 {
		return errors.New("it is empty")
	}
	return nil
}

// guarded are the topics whose messages are carried out.
var guarded = []string{message.TopicContext, message.TopicProcess, message.TopicState}

// mayPlay refuses what would be carried out.
func (o replaying) mayPlay(m command.BusMessage) error {
	if o.commands {
		return nil
	}
	for _, f := range m.Frames {
		if topic, _, err := message.Split(f); err == nil && slices.Contains(guarded, topic) {
			return failed("a message on %s would be carried out: --to gives it another topic, --commands lets it be", topic)
		}
	}
	return nil
}

// player publishes messages when they are due.
type player struct {
	ctx     context.Context
	c       *command.Client
	o       replaying
	began   time.Time
	first   time.Time // when the first one was recorded
	waiting []command.BusMessage
	size    int
	sent    int
}

// Bounds of what is sent at once.
const (
	playAtOnce      = 256
	playBytesAtOnce = 1 << 20
)

// play takes the next message. Those that are due at once go together.
func (p *player) play(m command.BusMessage) error {
	if p.began.IsZero() {
		p.began, p.first = time.Now(), m.At
	}
	if wait := p.wait(m.At); wait > 0 {
		if err := p.send(); err != nil {
			return err
		}
		due := time.NewTimer(p.wait(m.At))
		defer due.Stop()
		select {
		case <-due.C:
		case <-p.ctx.Done():
			return p.ctx.Err()
		}
	}
	p.waiting = append(p.waiting, m)
	for _, f := range m.Frames {
		p.size += len(f)
	}
	if len(p.waiting) >= playAtOnce || p.size >= playBytesAtOnce {
		return p.send()
	}
	return nil
}

// wait is the time until a message that was recorded then is due.
func (p *player) wait(at time.Time) time.Duration {
	if p.o.speed == 0 {
		return 0
	}
	after := time.Duration(float64(at.Sub(p.first)) / p.o.speed)
	return time.Until(p.began.Add(after))
}

// send publishes what is due.
func (p *player) send() error {
	if len(p.waiting) == 0 {
		return nil
	}
	if err := p.c.Play(p.ctx, p.waiting, p.o.commands); err != nil {
		return err
	}
	p.sent += len(p.waiting)
	p.waiting, p.size = p.waiting[:0], 0
	return nil
}

func (p *player) took() time.Duration {
	if p.began.IsZero() {
		return 0
	}
	return time.Since(p.began)
}
