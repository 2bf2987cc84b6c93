package main

import (
	"github.com/spf13/cobra"
)

// create is the command: read the order, check it, carry it out, report.
func create(cmd *cobra.Command, o options) error {
	var (
		what order
		err  error
	)
	if o.xmlFile != "" {
		what, err = orderFromFile(o, cmd.Flags())
	} else {
		what, err = orderFromFlags(o)
	}
	if err != nil {
		return err
	}
	var done report
	// What was done is said also when the rest failed.
	err = what.carryOut(&done)
	if shown := done.show(cmd.OutOrStdout(), o.output); err == nil {
		err = failed(shown)
	}
	return err
}
