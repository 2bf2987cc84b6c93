package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"zmicroservices/tools/internal/access"
)

// options are the flags that several verbs share, as they were given. A verb
// registers those that mean something to it; any other is an error there.
type options struct {
	contextFile string

	access.Proof
	endpoint    string
	listen      string
	runtimeDir  string
	transaction string
	timeout     time.Duration

	noWait bool
	output string
}

const defaultTimeout = 30 * time.Second

func (o *options) registerFile(f *pflag.FlagSet) {
	f.StringVar(&o.contextFile, "context_file", "", "Context file (also $ZMS_CONTEXT)")
}

func (o *options) registerTransaction(f *pflag.FlagSet) {
	f.StringVar(&o.transaction, "transaction", "", "transaction (default: the only live one; of start: a new one)")
}

// registerReach adds where the provider is.
func (o *options) registerReach(f *pflag.FlagSet) {
	f.StringVar(&o.endpoint, "endpoint", "", "publish here, over the bus (default: the file's BackendEndpoint)")
	f.StringVar(&o.listen, "listen_endpoint", "", "await the answer here (default: the file's FrontEndEndpoint)")
	o.Proof.Register(f)
	f.StringVar(&o.runtimeDir, "runtime_dir", "", "directory of the control sockets (also $ZMS_RUNTIME_DIR)")
	f.DurationVar(&o.timeout, "timeout", defaultTimeout, "how long to wait for the outcome; 0: for ever")
}

func (o *options) registerWait(f *pflag.FlagSet) {
	f.BoolVar(&o.noWait, "no_wait", false, "do not wait for the outcome")
}

func (o *options) registerOutput(f *pflag.FlagSet) {
	f.StringVarP(&o.output, "output", "o", "table", "table or json")
}

// registerOrder adds what all verbs take that ask something of a provider.
func (o *options) registerOrder(cmd *cobra.Command) {
	f := cmd.Flags()
	f.SortFlags = false // in the order in which people think of them
	o.registerFile(f)
	o.registerTransaction(f)
	o.registerReach(f)
	o.registerWait(f)
	o.registerOutput(f)
	o.complete(cmd)
}

// registerQuestion adds what all verbs take that only ask; which says whose
// answer it is without --transaction.
func (o *options) registerQuestion(cmd *cobra.Command, which string) {
	f := cmd.Flags()
	f.SortFlags = false
	o.registerFile(f)
	o.registerTransaction(f)
	f.Lookup("transaction").Usage = which
	o.registerReach(f)
	o.registerOutput(f)
	o.complete(cmd)
	cmd.ValidArgsFunction = completeTasks(o)
}

// complete tells the shell the words that a flag may have.
func (o *options) complete(cmd *cobra.Command) {
	words := cobra.FixedCompletions([]string{"table", "json"}, cobra.ShellCompDirectiveNoFileComp)
	// The only error of these is a flag that does not exist.
	if err := cmd.RegisterFlagCompletionFunc("output", words); err != nil {
		panic(err)
	}
	if err := cmd.MarkFlagFilename("context_file", "xml"); err != nil {
		panic(err)
	}
}

func (o *options) validate() error {
	if o.output != "table" && o.output != "json" {
		return fmt.Errorf("--output %q is neither table nor json", o.output)
	}
	if o.timeout < 0 {
		return fmt.Errorf("--timeout %s is negative", o.timeout)
	}
	return nil
}

func (o *options) json() bool { return o.output == "json" }
