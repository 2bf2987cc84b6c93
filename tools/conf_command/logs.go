package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"zmicroservices/conf"
	"zmicroservices/context/command"
	"zmicroservices/context/event"
)

// logging are the options of logs.
type logging struct {
	options
	follow   bool
	since    string
	last     int
	stamps   bool
	stateDir string
}

func newLogs(w world) *cobra.Command {
	var o logging
	cmd := &cobra.Command{
		Use:   "logs CONTEXT.xml [task...]",
		Short: "Show what task services have printed",
		Long: `Show the output of the named task services, or of all, merged in the order of its
times. Behind each task's id stands | for a line of its stdout, ! for one of its
stderr. On a terminal control characters are shown escaped.

The provider is asked through its control socket; output never goes over the
bus. Where no provider is running, the files in the state directory are read.
--since takes RFC 3339, a date and time, or how long ago: 90s, 1h30m.`,
		Example: `  conf_command logs conf/Context-EchoAction.xml
  conf_command logs conf/Context-EchoAction.xml -f -n 20
  conf_command logs conf/Context-EchoAction.xml ts_100 ts_101 --since 5m -t
  conf_command logs conf/Context-EchoAction.xml -o json | jq -r 'select(.stream == "err").line'`,
		RunE: func(cmd *cobra.Command, args []string) error { return runLogs(cmd.Context(), w, o, args) },
	}
	f := cmd.Flags()
	f.SortFlags = false // those of its own first
	f.BoolVarP(&o.follow, "follow", "f", false, "go on with what is printed from now on, until interrupted")
	f.StringVar(&o.since, "since", "", "not before this time")
	f.IntVarP(&o.last, "lines", "n", -1, "the last so many lines of all together; -1: all")
	f.BoolVarP(&o.stamps, "timestamps", "t", false, "when each line was printed")
	o.registerFile(f)
	o.registerTransaction(f)
	f.Lookup("transaction").Usage = "transaction (default: the only live one, else the one that printed last)"
	f.StringVar(&o.runtimeDir, "runtime_dir", "", "directory of the control sockets (also $ZMS_RUNTIME_DIR)")
	f.StringVar(&o.stateDir, "state_dir", "", "state directory, where no provider is running (default: where a provider has it by default)")
	o.registerOutput(f)
	o.complete(cmd)
	if err := cmd.MarkFlagDirname("state_dir"); err != nil {
		panic(err) // a flag that does not exist
	}
	cmd.ValidArgsFunction = completeTasks(&o.options)
	return cmd
}

func runLogs(ctx context.Context, w world, o logging, args []string) error {
	file, chosen, err := o.choose(args)
	if err != nil {
		return err
	}
	q, err := o.query(w.now())
	if err != nil {
		return err
	}
	for _, t := range chosen {
		q.Tasks = append(q.Tasks, event.TaskID(t.ID))
		for i := 2; i <= t.Process.Replicas; i++ {
			q.Tasks = append(q.Tasks, event.TaskID(conf.ReplicaID(t.ID, i)))
		}
	}
	p := newPrinter(w, o, file, chosen)
	if q.Last < 0 && !q.Follow { // -n 0
		return nil
	}
	err = o.show(ctx, w, file, q, p)
	if ctx.Err() != nil { // that is how one stops looking
		err = nil
	}
	return errors.Join(err, written(p.flush()))
}

// query is what the options choose; Last is negative for -n 0, which is no line of
// those that are there.
func (o logging) query(now time.Time) (command.LogQuery, error) {
	q := command.LogQuery{Transaction: event.TransactionID(o.transaction), Follow: o.follow}
	var err error
	if q.Since, err = moment(o.since, now); err != nil {
		return q, fmt.Errorf("--since %w", err)
	}
	switch {
	case o.last < -1:
		return q, fmt.Errorf("--lines %d is less than no line", o.last)
	case o.last == 0:
		q.Since, q.Last = now, -1
	case o.last > 0:
		q.Last = o.last
	}
	return q, nil
}

// show asks the provider, or reads the files if there is none, or none any more.
func (o logging) show(ctx context.Context, w world, file *conf.Context, q command.LogQuery, p *printer) error {
	q.Last = max(q.Last, 0)
	c, err := command.Dial(ctx, socketOf(o.options, file))
	switch {
	case errors.Is(err, command.ErrNobody):
		return o.showFiles(ctx, w, file, q, p)
	case err != nil:
		return failed("control socket %s: %w", socketOf(o.options, file), err)
	}
	defer c.Close()
	if o.stateDir == "" {
		o.stateDir = c.Hello().StateDir
	}
	if q.Transaction, err = o.choice(ctx, c, q); err != nil {
		return err
	}
	err = c.Logs(ctx, q, p.lines)
	if !errors.Is(err, command.ErrGone) || !q.Follow {
		return told(err)
	}
	fmt.Fprintf(w.err, "the provider went away\n")
	q.Since, q.Last = p.newest, 0
	p.skip() // what was shown of that time
	return o.showFiles(ctx, w, file, q, p)
}

// told is the error of an answer, of which only those of writing are ours.
func told(err error) error {
	var f *failure
	if err == nil || errors.As(err, &f) {
		return err
	}
	return failed("read the output: %w", err)
}

// choice is the transaction that is meant.
func (o logging) choice(ctx context.Context, c *command.Client, q command.LogQuery) (event.TransactionID, error) {
	if q.Transaction != "" {
		return q.Transaction, nil
	}
	views, err := c.State(ctx, "")
	if err != nil {
		return "", failed("find the transaction: %w", err)
	}
	var live []string
	for _, v := range views {
		if pictureOf(v).live() {
			live = append(live, string(v.Transaction))
		}
	}
	switch {
	case len(live) == 1:
		return event.TransactionID(live[0]), nil
	case len(live) > 1:
		return "", fmt.Errorf("--transaction: missing; live are %s", list(live))
	}
	found, err := o.lastWritten()
	if errors.Is(err, errNoOutput) && len(views) > 0 {
		return views[len(views)-1].Transaction, nil // it has printed nothing, yet
	}
	return found, err
}
