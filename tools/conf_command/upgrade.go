package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"zmicroservices/conf"
	"zmicroservices/context/command"
)

// upgrading are the options of upgrade.
type upgrading struct {
	options
	probation time.Duration
}

func newUpgrade(w world) *cobra.Command {
	var o upgrading
	cmd := &cobra.Command{
		Use:   "upgrade CONTEXT.xml [BINARY]",
		Short: "Run another service_context in place of this one",
		Long: `Have the provider and its keeper run BINARY, or what lies by now where their program
lay, in place of themselves. Task services run on, with the same pids; clients of
the bus connect again. The provider must be on this machine.

First the keeper tries BINARY: one that does not take over changes nothing. Then the
keeper executes it, and the provider. Who dies within the probation is rolled back to
the program before. Exit codes: 0 done; 1 refused, failed or rolled back.`,
		Example: `  conf_command upgrade conf/Context-EchoAction.xml
  conf_command upgrade conf/Context-EchoAction.xml /opt/zms-1.3/bin/service_context`,
		RunE: func(cmd *cobra.Command, args []string) error { return runUpgrade(cmd.Context(), w, o, args) },
	}
	f := cmd.Flags()
	f.SortFlags = false // those of its own first
	f.DurationVar(&o.probation, "probation", command.DefaultProbation, "how long the new program must live to be kept")
	o.registerFile(f)
	f.StringVar(&o.runtimeDir, "runtime_dir", "", "directory of the control sockets (also $ZMS_RUNTIME_DIR)")
	f.DurationVar(&o.timeout, "timeout", 2*time.Minute, "how long to wait for the new program, its probation not counted; 0: for ever")
	o.registerWait(f)
	f.Lookup("no_wait").Usage = "do not wait for the end of the probation"
	o.registerOutput(f)
	o.complete(cmd)
	return cmd
}

// upgraded is what an upgrade came to, as it is printed.
type upgraded struct {
	Context string   `json:"context"`
	ID      string   `json:"id,omitempty"`
	From    string   `json:"from,omitempty"` // version
	To      string   `json:"to,omitempty"`
	Program string   `json:"program,omitempty"`
	PID     int      `json:"pid,omitempty"` // of the provider
	Outcome string   `json:"outcome"`       // done, rolled_back, probation, failed
	Reason  string   `json:"reason,omitempty"`
	Steps   []string `json:"steps"`
}

func runUpgrade(ctx context.Context, w world, o upgrading, args []string) error {
	if err := o.validate(); err != nil {
		return err
	}
	file, program, err := o.chooseProgram(args)
	if err != nil {
		return err
	}
	if o.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, o.timeout+o.probation)
		defer cancel()
	}
	path := socketOf(o.options, file)
	c, err := command.Dial(ctx, path)
	switch {
	case errors.Is(err, command.ErrNobody):
		return nobody("%s has no provider on this machine: %w (start it: service_context %s)", file.ContextID, err, file.File)
	case err != nil:
		return failed("control socket %s: %w", path, err)
	}
	defer c.Close()
	got := upgraded{Context: file.ContextID, Outcome: "failed", Steps: []string{}}
	said := func(text string) {
		got.Steps = append(got.Steps, text)
		if !o.json() {
			fmt.Fprintln(w.out, printable(text))
		}
	}
	u, err := c.Upgrade(ctx, command.UpgradeRequest{Program: program, Probation: o.probation}, said)
	if err == nil {
		got.ID, got.From, got.Program = u.ID, u.From, u.Program
		err = o.follow(ctx, c, path, &got, said)
	}
	if err != nil {
		got.Reason = oneLine(err)
	}
	return got.show(w, o.json())
}

// chooseProgram reads the arguments. With $ZMS_CONTEXT the first of them is the file only
// if it is called so: a program's path looks like one.
func (o *upgrading) chooseProgram(args []string) (*conf.Context, string, error) {
	if inherited := os.Getenv("ZMS_CONTEXT"); o.contextFile == "" && inherited != "" && (len(args) == 0 || !strings.HasSuffix(args[0], ".xml")) {
		o.contextFile = inherited
	}
	file, rest, err := o.load(args)
	switch {
	case err != nil:
		return nil, "", err
	case len(rest) > 1:
		return nil, "", fmt.Errorf("one program is run in place of another, %d were named: %q", len(rest), rest)
	case len(rest) == 0:
		return file, "", nil
	}
	program, err := filepath.Abs(rest[0])
	if err != nil {
		return nil, "", err
	}
	if _, err := os.Stat(program); err != nil {
		return nil, "", fmt.Errorf("program: %w", err)
	}
	return file, program, nil
}

// follow asks whoever answers on the control socket how the upgrade stands, until that
// is decided.
func (o *upgrading) follow(ctx context.Context, c *command.Client, path string, got *upgraded, said func(string)) error {
	select {
	case <-c.Done():
	case <-ctx.Done():
		return fmt.Errorf("the provider did not give way: %w", ctx.Err())
	}
	err := poll(ctx, func() bool {
		u, pid := ask(ctx, path)
		if u == nil || u.ID != got.ID || u.To == "" {
			return false
		}
		if got.PID != pid {
			got.PID, got.To = pid, u.To
			said(fmt.Sprintf("provider %d answers, of version %s", pid, u.To))
			if u.Outcome == "" && !o.noWait {
				said(fmt.Sprintf("it is on probation for %v", o.probation))
			}
		}
		got.Outcome, got.Reason = cmp.Or(u.Outcome, "probation"), u.Reason
		return u.Outcome != "" || o.noWait
	})
	if err != nil {
		got.Outcome = "failed"
		return fmt.Errorf("nobody said how it ended: %w", err)
	}
	return nil
}

// ask gives the upgrade that whoever answers knows of; nil: nobody does just now.
func ask(ctx context.Context, path string) (*command.Upgrade, int) {
	c, err := command.Dial(ctx, path)
	if err != nil {
		return nil, 0
	}
	defer c.Close()
	u, _ := c.Upgraded(ctx)
	return u, c.Hello().PID
}

func (u upgraded) show(w world, asJSON bool) error {
	ok := u.Outcome == command.UpgradeDone || u.Outcome == "probation"
	if asJSON {
		text, err := json.MarshalIndent(u, "", "  ")
		if err != nil {
			return err
		}
		fmt.Fprintf(w.out, "%s\n", text)
		if !ok {
			return failed("%w", errSaid)
		}
		return nil
	}
	switch {
	case !ok && u.Outcome == command.UpgradeRolledBack:
		return failed("upgrade was rolled back: %s", u.Reason)
	case !ok:
		return failed("upgrade failed: %s", u.Reason)
	case u.Outcome == command.UpgradeDone:
		fmt.Fprintf(w.out, "upgraded from version %s to %s\n", printable(u.From), printable(u.To))
	}
	return nil
}
