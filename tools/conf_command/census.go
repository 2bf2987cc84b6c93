package main

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"zmicroservices/taskservice/hippodamia"
)

func newServices(w world) *cobra.Command {
	var o observing
	cmd := &cobra.Command{
		Use:   "services CONTEXT.xml [gid|name...]",
		Short: "List the microservices that the watchdog observes",
		Long: `Ask the watchdog of a bus which microservices it observes, in which state they
are, and when it last heard of each (by its clock). Named by gid, by the beginning
of one, by name or by configuration id, or all.

States: initialize, onboarding, active, inactive, terminated, end.
Exit code 3: no watchdog answers.`,
		Example: `  conf_command services conf/Context-Plant.xml
  conf_command services conf/Context-Plant.xml pump -o json
  conf_command services conf/Context-Plant.xml -o json | jq -r '.[] | select(.state != "active") | .gid'
  conf_command services --endpoint tcp://10.0.0.5:6557 --listen_endpoint tcp://10.0.0.5:6556 --curve_key desk.key_secret`,
		RunE: func(cmd *cobra.Command, args []string) error { return runServices(cmd.Context(), w, o, args) },
	}
	o.register(cmd)
	timeout := cmd.Flags().Lookup("timeout")
	timeout.Usage, timeout.DefValue = "how long to wait for the watchdog, at most 5s", "5s"
	cmd.ValidArgsFunction = o.completeGIDs(w)
	return cmd
}

func runServices(ctx context.Context, w world, o observing, args []string) error {
	to, topics, words, err := o.where(args)
	if err != nil {
		return err
	}
	bus, err := o.join(ctx, w, to, topics, topics.Reply())
	if err != nil {
		return err
	}
	defer bus.leave()
	c, err := bus.census(ctx, o.timeout)
	if err != nil {
		return err
	}
	chosen := c.services
	if len(words) > 0 {
		if chosen, err = c.choose(words); err != nil {
			return err
		}
	}
	if o.json() {
		list := make([]microservice, len(chosen))
		for i, s := range chosen {
			list[i] = microserviceOf(s)
		}
		return written(writeJSON(w.out, list))
	}
	return written(showCensus(w, c.at, chosen))
}

// microservice is one as JSON; a contract.
type microservice struct {
	GID         string    `json:"gid"`
	UUID        string    `json:"uuid"`
	Name        string    `json:"name"`
	Type        string    `json:"type"`
	Host        string    `json:"host"`
	ConfigID    string    `json:"config_id"`
	Version     string    `json:"version"`
	PID         int       `json:"pid"`
	State       string    `json:"state"`
	FirstSeen   time.Time `json:"first_seen"`
	LastSeen    time.Time `json:"last_seen"`
	Onboardings int       `json:"onboardings"`
	Reason      string    `json:"reason,omitempty"`
}

func microserviceOf(s hippodamia.Service) microservice {
	return microservice{
		s.GID, s.UUID, s.Name, s.Type, s.Host, s.ConfigID, s.Version, s.PID,
		string(s.State), s.FirstSeen, s.LastSeen, s.Onboardings, s.Reason,
	}
}

// showCensus prints the table. Reasons have a column if there is one.
func showCensus(w world, at time.Time, services []hippodamia.Service) error {
	titles, reasons := []string{"STATE", "NAME", "TYPE", "HOST", "CONFIG", "SEEN", "GID"}, false
	for _, s := range services {
		reasons = reasons || s.Reason != ""
	}
	if reasons {
		titles = append(titles, "REASON")
	}
	t := newTable(w.colour, titles...)
	for _, s := range services {
		cells := plain(string(s.State), shortened(s.Name, 30), shortened(s.Type, 30), shortened(s.Host, 30), shortened(s.ConfigID, 40), seenAgo(at, s.LastSeen), s.GID)
		cells[0].colour = observedColour(s.State)
		if reasons {
			cells = append(cells, cell{text: shortened(s.Reason, 80)})
		}
		t.add(cells...)
	}
	return t.show(w.out)
}

func seenAgo(at, seen time.Time) string {
	if seen.IsZero() {
		return ""
	}
	return ago(at.Sub(seen))
}

// observedColour is how a state looks at a glance.
func observedColour(s hippodamia.State) string {
	switch s {
	case hippodamia.Active:
		return green
	case hippodamia.Inactive:
		return red
	case hippodamia.Initialize, hippodamia.Onboarding:
		return yellow
	}
	return faint
}

// glance is how long a shell waits for its completions.
const glance = time.Second

// completeGIDs offers Context files, and then the gids and names that the watchdog
// knows, if it says so at once.
func (o *observing) completeGIDs(w world) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		to, topics, _, err := o.where(args)
		if err != nil {
			return []cobra.Completion{"xml"}, cobra.ShellCompDirectiveFilterFileExt
		}
		ctx, cancel := context.WithTimeout(cmd.Context(), glance)
		defer cancel()
		bus, err := o.join(ctx, w, to, topics, topics.Reply())
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		defer bus.leave()
		c, _ := bus.census(ctx, glance) // without an answer there is nothing to offer
		var words []cobra.Completion
		for _, s := range c.services {
			about := strings.Join(strings.Fields(printable(s.Type+" on "+s.Host+", "+string(s.State))), " ")
			words = append(words, cobra.CompletionWithDesc(s.GID, printable(s.Name)+", "+about))
			if name := printable(s.Name); name != "" && !strings.ContainsAny(name, " \t") {
				words = append(words, cobra.CompletionWithDesc(name, about))
			}
		}
		return words, cobra.ShellCompDirectiveNoFileComp
	}
}
