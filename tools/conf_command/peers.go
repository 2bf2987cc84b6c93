package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// peerHost is a host that is known, as JSON a contract: keys are added, never taken away.
type peerHost struct {
	Name      string        `json:"name"`
	UUID      string        `json:"uuid,omitempty"`
	Address   string        `json:"address,omitempty"`
	LastSeen  *time.Time    `json:"last_seen"`
	Available bool          `json:"available"`
	Reason    string        `json:"reason,omitempty"` // that it is not available
	Self      bool          `json:"self,omitempty"`   // it is the host that was asked
	Contexts  []peerContext `json:"contexts"`
}

// peerContext is one of the contexts of a host.
type peerContext struct {
	Context      string            `json:"context"`
	Version      string            `json:"version,omitempty"`
	FrontEnd     string            `json:"front_end_endpoint,omitempty"`
	Backend      string            `json:"backend_endpoint,omitempty"`
	Transactions []peerTransaction `json:"transactions"`
	Commands     bool              `json:"commands"`          // it takes commands over NATS
	Spooled      int               `json:"spooled,omitempty"` // events that wait for NATS
	Dropped      uint64            `json:"dropped,omitempty"` // and those that found no room
	Error        string            `json:"error,omitempty"`
}

// peerTransaction is one that a context has open.
type peerTransaction struct {
	Transaction string `json:"transaction"`
	Services    int    `json:"services"`
	Up          int    `json:"up"`
}

// String is a context on one line: context001 5HGAHZ3WPZUI71PACRPP(3/4).
func (c peerContext) String() string {
	var b strings.Builder
	b.WriteString(c.Context)
	for _, t := range c.Transactions {
		fmt.Fprintf(&b, " %s(%d/%d)", t.Transaction, t.Up, t.Services)
	}
	if c.Error != "" {
		b.WriteString(" (" + c.Error + ")")
	}
	return b.String()
}

// why is the reason without the call that failed, whose address is in the table.
func (p peerHost) why() string {
	if _, reason, found := strings.Cut(p.Reason, "/sync: "); found {
		return reason
	}
	return p.Reason
}

// peering are the options of peers.
type peering struct {
	options
	scheduler schedulerOptions
	nats      natsOptions
}

func newPeers(w world) *cobra.Command {
	var o peering
	cmd := &cobra.Command{
		Use:   "peers [CONTEXT.xml] [host...] | peers --nats URL [host...]",
		Short: "List the hosts that are known, and what they run",
		Long: `List the hosts that a Scheduler knows, itself first, with the contexts and
transactions that they run; in brackets how many of a transaction's task services
are up. The Scheduler is that of the Context file, or at --scheduler; it is asked
by GET /peers. HOST is a name, an address or the beginning of a uuid.

With --nats those are listed whose bridges are on NATS. A host whose events the
stream has, and which does not answer, is not available, as of its last event.`,
		Example: `  conf_command peers conf/Context-Peers.xml
  conf_command peers --scheduler 10.0.0.1:8090 --secret_file /etc/zms/secret
  conf_command peers conf/Context-Peers.xml -o json | jq -r '.peers[] | select(.available | not) | .name'
  conf_command peers --nats nats://127.0.0.1:4222
  conf_command --nats tls://nats.example.net --nats_creds ~/.zms/desk.creds peers -o json`,
		RunE: func(cmd *cobra.Command, args []string) error { return runPeers(cmd.Context(), w, o, args) },
	}
	f := cmd.Flags()
	f.SortFlags = false
	o.registerFile(f)
	o.scheduler.register(f)
	o.nats.register(f)
	o.registerOutput(f)
	o.complete(cmd)
	return cmd
}

func runPeers(ctx context.Context, w world, o peering, args []string) error {
	if err := o.validate(); err != nil {
		return err
	}
	var list []peerHost
	var err error
	if o.nats.asked() {
		list, err = o.nats.peers(ctx, args)
	} else {
		list, err = o.scheduler.peers(ctx, w, o.options, args)
	}
	if err != nil {
		return err
	}
	return written(showPeers(w, list, o.json()))
}

// showPeers is the table of peers, wherever they are known from.
func showPeers(w world, list []peerHost, asJSON bool) error {
	if asJSON {
		if list == nil {
			list = []peerHost{}
		}
		return writeJSON(w.out, map[string]any{"peers": list})
	}
	t := newTable(w.colour, "NAME", "UUID", "ADDRESS", "LAST SEEN", "AVAILABLE", "CONTEXTS")
	for _, p := range list {
		seen := ""
		if p.LastSeen != nil {
			seen = p.LastSeen.Local().Format(time.DateTime)
		}
		available := cell{"no", red}
		switch {
		case p.Available:
			available = cell{"yes", green}
		case p.Reason != "":
			available.text += " (" + shortened(p.why(), 60) + ")"
		}
		contexts := make([]string, len(p.Contexts))
		for i, c := range p.Contexts {
			contexts[i] = c.String()
		}
		t.add(cell{text: p.Name}, cell{text: p.UUID}, cell{text: p.Address}, cell{text: seen}, available, cell{text: strings.Join(contexts, ", ")})
	}
	return t.show(w.out)
}
