package main

import (
	"context"
	"errors"
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

// peering are the options of peers.
type peering struct {
	options
	nats natsOptions
}

func newPeers(w world) *cobra.Command {
	var o peering
	cmd := &cobra.Command{
		Use:   "peers --nats URL [host...]",
		Short: "List the hosts that are known, and what they run",
		Long: `List the hosts whose bridges are on NATS, with the contexts and transactions that
they run; in brackets how many of a transaction's task services are up. A host
whose events the stream has, and which does not answer, is listed as not
available, as of its last event.`,
		Example: `  conf_command peers --nats nats://127.0.0.1:4222
  conf_command --nats tls://nats.example.net --nats_creds ~/.zms/desk.creds peers -o json`,
		RunE: func(cmd *cobra.Command, args []string) error { return runPeers(cmd.Context(), w, o, args) },
	}
	f := cmd.Flags()
	f.SortFlags = false
	o.nats.register(f)
	o.registerOutput(f)
	return cmd
}

func runPeers(ctx context.Context, w world, o peering, args []string) error {
	if err := o.validate(); err != nil {
		return err
	}
	if !o.nats.asked() {
		return errors.New("nobody to ask: --nats says where the hosts are")
	}
	list, err := o.nats.peers(ctx, args)
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
		if p.Available {
			available = cell{"yes", green}
		}
		contexts := make([]string, len(p.Contexts))
		for i, c := range p.Contexts {
			contexts[i] = c.String()
		}
		t.add(cell{text: p.Name}, cell{text: p.UUID}, cell{text: p.Address}, cell{text: seen}, available, cell{text: strings.Join(contexts, ", ")})
	}
	return t.show(w.out)
}
