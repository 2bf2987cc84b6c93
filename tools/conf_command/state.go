package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"zmicroservices/conf"
)

func newState(w world) *cobra.Command {
	var o options
	var n natsOptions
	var p peerOptions
	cmd := &cobra.Command{
		Use:   "state CONTEXT.xml [task...] | state --peer HOST [CONTEXT.xml] [task...] | state --nats URL [host...]",
		Short: "Show how the task services are",
		Long: `Show the task services of a transaction, or of all that are open.

A question leaves no trace on the bus where the provider is on this machine;
over an endpoint it is a message, and --transaction has to be named.

With --peer it is a context of another host, which the Scheduler of the file, or at
--scheduler, knows; it is asked over its bus (--curve_key).

With --nats those of all hosts are shown whose bridges are there; HOST or
HOST/CONTEXT after it chooses some.`,
		Example: `  conf_command state conf/Context-EchoAction.xml
  conf_command state conf/Context-EchoAction.xml ts_100 -o json
  conf_command state --peer edge1 conf/Context-Peers.xml
  conf_command --peer 10.0.0.2 state --context context001 --scheduler 127.0.0.1:8090 -o json
  conf_command state --nats nats://127.0.0.1:4222 edge1 edge2/context001`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := p.check(o, n); err != nil {
				return err
			}
			switch {
			case n.asked():
				return runStateOfAll(cmd.Context(), w, o, n, args)
			case p.asked():
				return runStateOfPeer(cmd.Context(), w, o, p, args)
			}
			return runState(cmd.Context(), w, o, args)
		},
	}
	o.registerQuestion(cmd, "transaction (default: all)")
	p.register(cmd.Flags())
	n.register(cmd.Flags())
	return cmd
}

func runState(ctx context.Context, w world, o options, args []string) error {
	file, chosen, err := o.choose(args)
	if err != nil {
		return err
	}
	e := errand{options: o, file: file}
	work, cancel := e.limit(ctx)
	defer cancel()
	p, err := reach(work, o, file, false)
	if err != nil {
		return err
	}
	defer p.close()
	list, err := e.look(work, w, p)
	if err != nil {
		return err
	}
	return showPictures(w, file.ContextID, only(list, chosen), o.json())
}

// look asks for the pictures, by whichever way there is.
func (e errand) look(ctx context.Context, w world, p provider) ([]picture, error) {
	list, err := p.pictures(ctx, e.transaction)
	switch {
	case errors.Is(err, errUnknown):
		return nil, e.unknown(ctx, p)
	case err == nil:
		return list, nil
	case !errors.Is(err, errNoAnswer):
		return nil, failed("%w", err)
	case e.transaction == "":
		return nil, errors.New("--transaction: missing; over the bus they cannot be listed")
	}
	content, err := e.ask(ctx, w, p, "request", map[string]any{})
	switch {
	case err != nil:
		return nil, e.unanswered(ctx, "ask for the state", err)
	case len(content) == 0:
		return nil, failed("%s", noTransaction(e.transaction))
	}
	return []picture{pictureFromBus(e.transaction, content)}, nil
}

func noTransaction(id string) string { return fmt.Sprintf("there is no transaction %q", id) }

// unknown names the transactions that there are.
func (e errand) unknown(ctx context.Context, p provider) error {
	list, err := p.pictures(ctx, "")
	if err != nil || len(list) == 0 {
		return failed("%s", noTransaction(e.transaction))
	}
	ids := make([]string, len(list))
	for i, t := range list {
		ids[i] = t.Transaction
	}
	return failed("%s; there are %s", noTransaction(e.transaction), strings.Join(ids, ", "))
}

// only leaves the task services that were chosen; nil: all. That a transaction
// does not have one is no error, since another may.
func only(list []picture, chosen []*conf.Task) []picture {
	if chosen == nil {
		return list
	}
	for i := range list {
		list[i].Tasks = slices.DeleteFunc(list[i].Tasks, func(s service) bool {
			return !slices.ContainsFunc(chosen, func(t *conf.Task) bool { return t.ID == s.Task })
		})
	}
	return list
}

// overview is what state prints as JSON, a contract as picture is.
type overview struct {
	Context      string    `json:"context"`
	Transactions []picture `json:"transactions"`
}

func showPictures(w world, contextID string, list []picture, asJSON bool) error {
	if asJSON {
		if list == nil {
			list = []picture{}
		}
		return written(writeJSON(w.out, overview{contextID, list}))
	}
	if len(list) == 0 {
		fmt.Fprintf(w.err, "%s has no transactions\n", printable(contextID))
	}
	for i, p := range list {
		if i > 0 {
			fmt.Fprintln(w.out)
		}
		line := "transaction " + paint(printable(p.Transaction), bold, w.colour)
		if p.LogName != "" {
			line += "  " + printable(p.LogName)
		}
		if p.Began != nil {
			line += "  since " + p.Began.Local().Format(time.DateTime)
		}
		fmt.Fprintln(w.out, line)
		if err := showServices(w.out, w.colour, p.Tasks); err != nil {
			return written(err)
		}
	}
	return nil
}

// contextOf is the ContextID: as a reply says, else as the file does.
func contextOf(file *conf.Context, content map[string]any) string {
	if id := word(content["contextId"]); id != "" || file == nil {
		return id
	}
	return file.ContextID
}
