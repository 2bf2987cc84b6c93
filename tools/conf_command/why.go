package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"zmicroservices/context/command"
)

func newWhy(w world) *cobra.Command {
	var o options
	cmd := &cobra.Command{
		Use:   "why CONTEXT.xml TASK",
		Short: "Tell why a task service is as it is",
		Long: `Tell why a task service came to its state: a sentence, and under it the chain
of causes from the journal, the latest first. Each line follows from the one
below it.

Where the provider is not on this machine it is asked over the bus.`,
		Example: `  conf_command why conf/Context-EchoAction.xml ts_100
  conf_command why conf/Context-EchoAction.xml ts_100 --transaction 6FDAHH3WPRVV7FGZCRIN
  conf_command why conf/Context-EchoAction.xml ts_100 -o json`,
		RunE: func(cmd *cobra.Command, args []string) error { return runWhy(cmd.Context(), w, o, args) },
	}
	o.registerQuestion(cmd, "transaction (default: the latest that has the task service)")
	return cmd
}

func runWhy(ctx context.Context, w world, o options, args []string) error {
	file, chosen, err := o.choose(args)
	switch {
	case err != nil:
		return err
	case len(chosen) != 1:
		return errors.New("why tells of one task service: name it after the Context file")
	}
	e, task := errand{options: o, file: file}, chosen[0].ID
	work, cancel := e.limit(ctx)
	defer cancel()
	p, err := reach(work, o, file, false)
	if err != nil {
		return err
	}
	defer p.close()
	because, err := e.why(work, w, p, task)
	switch {
	case err != nil:
		return err
	case len(because.Chain) == 0 && o.transaction == "":
		return failed("nothing is known of %s: no transaction in the journal has it", task)
	case len(because.Chain) == 0:
		return failed("nothing is known of %s in transaction %s", task, o.transaction)
	}
	return because.show(w, file.ContextID, task, o.json())
}

// why asks for a chain of causes, by whichever way there is.
func (e errand) why(ctx context.Context, w world, p provider, task string) (chain, error) {
	why, err := p.why(ctx, e.transaction, task)
	if errors.Is(err, errNoAnswer) {
		var content map[string]any
		if content, err = e.ask(ctx, w, p, "why", map[string]any{"task": task}); err == nil {
			err = decode(content, &why)
		}
	}
	return chain(why), e.unanswered(ctx, "ask why", err)
}

// chain is a chain of causes, and the sentence that tells it.
type chain command.Why

// explanation is what why prints as JSON, a contract as row is.
type explanation struct {
	Context     string `json:"context"`
	Transaction string `json:"transaction"`
	Task        string `json:"task"`
	Text        string `json:"text"`
	Chain       []row  `json:"chain"` // the latest first
}

func (c chain) show(w world, contextID, task string, asJSON bool) error {
	rows := make([]row, len(c.Chain))
	for i, link := range c.Chain {
		rows[i] = changeRow(link)
	}
	if asJSON {
		return written(writeJSON(w.out, explanation{contextID, rows[0].Transaction, task, c.Text, rows}))
	}
	fmt.Fprintln(w.out, printable(c.Text))
	t := newTable(w.colour, "TIME", "TASK", "CHANGE", "EVENT", "CAUSE", "EXIT")
	for _, r := range rows {
		change := ""
		if r.To != "" {
			change = r.From + " -> " + r.To
		}
		t.add(cell{text: r.when()}, cell{text: r.Task}, cell{change, stateColour(r.To)}, cell{text: r.Event}, cell{text: r.by()}, cell{text: r.exit()})
	}
	return written(t.show(w.out))
}
