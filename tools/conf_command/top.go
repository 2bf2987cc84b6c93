package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/spf13/cobra"

	"zmicroservices/conf"
	"zmicroservices/context/command"
	"zmicroservices/context/event"
	"zmicroservices/tools/conf_command/screen"
)

// topping are the options of top.
type topping struct {
	options
	once, follow bool
	every        time.Duration
	peer         peerOptions
	nats         natsOptions
}

func newTop(w world) *cobra.Command {
	var o topping
	cmd := &cobra.Command{
		Use:   "top CONTEXT.xml | top --peer HOST [CONTEXT.xml] | top --nats URL [host...]",
		Short: "A screen with what everything costs; start, stop and restart by key",
		Long: `Show the task services with their state, CPU, memory, descriptors and connections,
and how these went; the log and the last causes of the one under the cursor; and
below what the bus dropped and what provider and keeper take themselves. ? shows
the keys. Where the output is no terminal, it is one table (--once), as JSON the
value that the provider serves at /api/top: bytes and seconds.

CPU% is of one core. It and RSS are those of a task service and of all that
descends from it. The provider is asked through its control socket.

With --peer it is a table of a context of another host, which the Scheduler of the
file, or at --scheduler, knows; as JSON, with --follow too, what its provider says
over its bus (--curve_key).

With --nats it is a table of all hosts whose bridges are there, again and again
with -o json --follow; HOST or HOST/CONTEXT after it chooses some.

The original's conf_command --service_name=state --action=top asks over the bus.`,
		Example: `  conf_command top conf/Context-EchoAction.xml
  conf_command top conf/Context-EchoAction.xml --once
  conf_command top --peer edge1 conf/Context-Peers.xml
  conf_command top --nats nats://127.0.0.1:4222
  conf_command top conf/Context-EchoAction.xml -o json | jq '.services[] | {task, state, cost}'
  conf_command top conf/Context-EchoAction.xml -o json --follow --every 5s | jq -c .bus.dropped`,
		RunE: func(cmd *cobra.Command, args []string) error { return runTop(cmd.Context(), w, o, args) },
	}
	f := cmd.Flags()
	f.SortFlags = false // those of its own first
	f.BoolVar(&o.once, "once", false, "print it once, and no screen")
	f.BoolVarP(&o.follow, "follow", "f", false, "with -o json: again and again, one object a line, until interrupted")
	f.DurationVar(&o.every, "every", time.Second, "how often")
	o.registerTransaction(f)
	f.Lookup("transaction").Usage = "transaction (default: all)"
	o.registerLocal(cmd)
	o.Proof.Register(f)
	o.peer.register(f)
	o.nats.register(f)
	return cmd
}

func (o topping) check() error {
	if err := o.validate(); err != nil {
		return err
	}
	switch {
	case o.follow && !o.json():
		return errors.New("--follow goes with -o json; the screen follows by itself")
	case o.follow && o.once:
		return errors.New("--follow and --once are two things")
	case o.every < 100*time.Millisecond:
		return fmt.Errorf("--every %s is less than 100ms", o.every)
	}
	return o.peer.check(o.options, o.nats)
}

func runTop(ctx context.Context, w world, o topping, args []string) error {
	if err := o.check(); err != nil {
		return err
	}
	switch {
	case o.nats.asked():
		return runTopOfAll(ctx, w, o, args)
	case o.peer.asked():
		return runTopOfPeer(ctx, w, o, args)
	}
	if len(args) > 1 {
		return fmt.Errorf("top shows one Context file, %d were named: %q", len(args), args)
	}
	file, _, err := o.load(args)
	if err != nil {
		return err
	}
	c, err := dialLocal(ctx, o.options, file)
	if err != nil {
		return err
	}
	defer c.Close()
	if w.terminal && w.screen && !o.once && !o.json() {
		return runScreen(ctx, w, o, file)
	}
	return o.print(ctx, w, c)
}

// print is for those who have no terminal, or do not want one.
func (o topping) print(ctx context.Context, w world, c *command.Client) error {
	q := command.FiguresQuery{Transaction: event.TransactionID(o.transaction)}
	if o.follow {
		q.Every = o.every
	}
	err := c.Figures(ctx, q, func(f *event.Figures) error {
		switch {
		case o.follow:
			e := json.NewEncoder(w.out)
			e.SetEscapeHTML(false)
			return written(e.Encode(f))
		case o.json():
			return written(writeJSON(w.out, f))
		}
		return written(showFigures(w, f))
	})
	var f *failure
	switch {
	case ctx.Err() != nil: // that is how one stops looking
		return nil
	case err == nil, errors.As(err, &f):
		return err
	}
	return failed("ask what everything costs: %w", err)
}

// runScreen shows the screen until its user leaves it.
func runScreen(ctx context.Context, w world, o topping, file *conf.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	v := &viewer{w: w, o: o, file: file, chosen: make(chan screen.Key, 1)}
	s := screen.New(screen.Options{Title: file.ContextID, Follow: v.follow, Do: v.do(ctx), Colour: w.colour, Unicode: w.unicode})
	p := tea.NewProgram(s, tea.WithContext(ctx), tea.WithoutSignalHandler(), tea.WithOutput(w.out))
	v.send = p.Send
	v.work.Go(func() { v.feed(ctx) })   // ends with ctx
	v.work.Go(func() { v.listen(ctx) }) // ends with ctx
	_, err := p.Run()
	left := ctx.Err() != nil // by a signal
	cancel()
	v.work.Wait()
	if err != nil && !left {
		return failed("show the screen: %w", err)
	}
	return nil
}

// speaksUnicode says that a terminal's letters are UTF-8, by the first of the variables
// that says anything (locale(7)).
func speaksUnicode(getenv func(string) string) bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if v := strings.ToLower(getenv(name)); v != "" {
			return strings.Contains(v, "utf-8") || strings.Contains(v, "utf8")
		}
	}
	return false
}

// hasScreen says that a terminal can put its cursor somewhere.
func hasScreen(getenv func(string) string) bool {
	term := getenv("TERM")
	return term != "" && term != "dumb"
}
