package main

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"zmicroservices/conf"
	"zmicroservices/context/command"
	"zmicroservices/context/event"
	"zmicroservices/tools/conf_command/screen"
)

// recalling are the options of stats.
type recalling struct {
	options
	since, until string
	csv, probes  bool
}

func newStats(w world) *cobra.Command {
	var o recalling
	cmd := &cobra.Command{
		Use:   "stats CONTEXT.xml [task...]",
		Short: "Show what task services have cost",
		Long: `Show what the named task services, or all, have cost with their descendants: memory,
CPU, descriptors, threads and connections, with a line of how they went. As JSON
or CSV each sample is a row (two hours back), or each minute (5 days), or hour.
Of services with exec, http or tcp probes it tells how long their checks took and
how many failed, each minute (5 days) or hour: with --probes nothing else.

CPU% is of one core. Times are RFC 3339, or so long ago: 90s, 2h. The provider
is asked through its control socket.`,
		Example: `  conf_command stats conf/Context-EchoAction.xml ts_100 --since 2h
  conf_command stats conf/Context-EchoAction.xml --since 120h -o csv > days.csv
  conf_command stats conf/Context-EchoAction.xml --probes --since 2h
  conf_command stats conf/Context-EchoAction.xml ts_100 -o json | jq '.services[].rows[] | [.at, .rss]'`,
		RunE: func(cmd *cobra.Command, args []string) error { return runStats(cmd.Context(), w, o, args) },
	}
	f := cmd.Flags()
	f.SortFlags = false // those of its own first
	f.StringVar(&o.since, "since", "1h", "not before this time")
	f.StringVar(&o.until, "until", "", "not after this time")
	f.BoolVar(&o.probes, "probes", false, "show how long the checks of probes took")
	o.registerTransaction(f)
	f.Lookup("transaction").Usage = "transaction (default: the latest that lives)"
	o.registerLocal(cmd)
	f.Lookup("output").Usage = "table, json or csv"
	cmd.ValidArgsFunction = completeTasks(&o.options)
	return cmd
}

func runStats(ctx context.Context, w world, o recalling, args []string) error {
	if o.csv = o.output == "csv"; o.csv {
		o.output = "table" // which the others know
	}
	file, chosen, err := o.choose(args)
	if err != nil {
		return err
	}
	q, err := o.query(w.now())
	if err != nil {
		return err
	}
	c, err := dialLocal(ctx, o.options, file)
	if err != nil {
		return err
	}
	defer c.Close()
	if chosen == nil {
		chosen = file.Tasks
	}
	told, err := o.ask(ctx, c, file, chosen, q)
	if err != nil {
		return err
	}
	switch {
	case o.json():
		return written(writeJSON(w.out, told))
	case o.csv && o.probes:
		return written(told.writeProbesCSV(w))
	case o.csv:
		return written(told.writeCSV(w))
	case o.probes:
		return written(told.showProbes(w))
	}
	return written(told.show(w))
}

func (o recalling) query(now time.Time) (q command.StatsQuery, err error) {
	if q.Since, err = moment(o.since, now); err != nil {
		return q, fmt.Errorf("--since %w", err)
	}
	if q.Until, err = moment(o.until, now); err != nil {
		return q, fmt.Errorf("--until %w", err)
	}
	switch {
	case q.Since.IsZero():
		return q, errors.New("--since is empty; name a time, or how long ago: 2h")
	case !q.Until.IsZero() && !q.Since.Before(q.Until):
		return q, fmt.Errorf("--since %s is not before --until %s", o.since, o.until)
	}
	return q, nil
}

// bygones is what stats prints as JSON, a contract.
type bygones struct {
	Context     string   `json:"context"`
	Transaction string   `json:"transaction"`
	Services    []bygone `json:"services"`
}

type bygone struct {
	Task   string    `json:"task"`
	Rows   []figures `json:"rows,omitzero"` // the oldest first; none with --probes
	Probes []checks  `json:"probes"`        // of its exec, http and tcp probes together, the oldest first
}

// figures are those of one sample, or the means of a span of time.
type figures struct {
	At       time.Time `json:"at"`
	Span     float64   `json:"span_s"` // 0: one sample
	Samples  int       `json:"samples"`
	RSS      float64   `json:"rss"` // bytes
	RSSMax   float64   `json:"rss_max"`
	CPU      float64   `json:"cpu_percent"`
	CPUMax   float64   `json:"cpu_percent_max"`
	FDs      float64   `json:"num_fds"`
	FDsMax   float64   `json:"num_fds_max"`
	Threads  float64   `json:"num_threads"`
	Conns    float64   `json:"connections"`
	Restarts int       `json:"restarts"`
}

func (o recalling) ask(ctx context.Context, c *command.Client, file *conf.Context, chosen []*conf.Task, q command.StatsQuery) (bygones, error) {
	q.Transaction = event.TransactionID(o.transaction)
	if q.Transaction == "" {
		views, err := c.State(ctx, "")
		if err != nil {
			return bygones{}, failed("ask for the transactions: %w", err)
		}
		if len(views) == 0 {
			return bygones{}, failed("%s has no transaction; name one with --transaction", file.ContextID)
		}
		q.Transaction = views[len(views)-1].Transaction
	}
	told := bygones{Context: file.ContextID, Transaction: string(q.Transaction), Services: []bygone{}}
	for _, t := range chosen {
		for i := 1; i <= max(1, t.Process.Replicas); i++ {
			q.Task = event.TaskID(t.ID)
			if i > 1 {
				q.Task = event.TaskID(conf.ReplicaID(t.ID, i))
			}
			stats, probes, err := c.Stats(ctx, q)
			if err != nil {
				return told, failed("ask what %s has cost: %w", q.Task, err)
			}
			b := bygone{Task: string(q.Task), Rows: make([]figures, len(stats)), Probes: checksOf(probes)}
			for i, s := range stats {
				b.Rows[i] = figures{
					At: s.At, Span: s.Span.Seconds(), Samples: s.Samples, RSS: s.RSS, RSSMax: s.RSSMax, CPU: s.CPU, CPUMax: s.CPUMax,
					FDs: s.FDs, FDsMax: s.FDsMax, Threads: s.Threads, Conns: s.Conns, Restarts: s.Restarts,
				}
			}
			if o.probes {
				b.Rows = nil
			}
			told.Services = append(told.Services, b)
		}
	}
	return told, nil
}

// sparkWidth is how wide a line of how it went is, in letters.
const sparkWidth = 24

func (b bygones) show(w world) error {
	t := newTable(w.colour, "TASK", "FIGURE", "LAST", "MEAN", "MAX", "RESTARTS", "HOW IT WENT")
	for _, s := range b.Services {
		if len(s.Rows) == 0 {
			fmt.Fprintf(w.err, "nothing was measured of %s in transaction %s in that time\n", printable(s.Task), printable(b.Transaction))
			continue
		}
		for _, f := range []struct {
			name       string
			mean, most func(figures) float64
			text       func(float64) string
		}{
			{"rss", func(f figures) float64 { return f.RSS }, func(f figures) float64 { return f.RSSMax }, func(v float64) string { return bytesOf(int64(v)) }},
			{"cpu", func(f figures) float64 { return f.CPU }, func(f figures) float64 { return f.CPUMax }, func(v float64) string { return fmt.Sprintf("%.1f%%", v) }},
			{"fds", func(f figures) float64 { return f.FDs }, func(f figures) float64 { return f.FDsMax }, func(v float64) string { return fmt.Sprintf("%.0f", v) }},
			{"connections", func(f figures) float64 { return f.Conns }, func(f figures) float64 { return f.Conns }, func(v float64) string { return fmt.Sprintf("%.0f", v) }},
		} {
			var values []float64
			var sum, most, samples float64
			for _, r := range s.Rows {
				v := f.mean(r)
				values = append(values, v)
				sum, samples, most = sum+v*float64(r.Samples), samples+float64(r.Samples), max(most, f.most(r))
			}
			last := s.Rows[len(s.Rows)-1]
			t.add(plain(s.Task, f.name, f.text(f.mean(last)), f.text(sum/samples), f.text(most), strconv.Itoa(last.Restarts),
				screen.Sparkline(values, sparkWidth, w.unicode))...)
		}
		if p := summaryOf(s.Probes); p.checks > 0 {
			t.add(plain(s.Task, "probes", milliseconds(p.last), milliseconds(p.mean), milliseconds(p.most),
				strconv.Itoa(s.Rows[len(s.Rows)-1].Restarts), screen.Sparkline(p.values, sparkWidth, w.unicode))...)
		}
	}
	return t.show(w.out)
}

func (b bygones) writeCSV(w world) error {
	out := csv.NewWriter(w.out)
	rows := [][]string{{
		"transaction", "task", "at", "span_s", "samples", "rss", "rss_max", "cpu_percent", "cpu_percent_max",
		"num_fds", "num_fds_max", "num_threads", "connections", "restarts",
	}}
	number := func(v float64) string { return strconv.FormatFloat(v, 'f', -1, 32) }
	for _, s := range b.Services {
		for _, r := range s.Rows {
			rows = append(rows, []string{
				b.Transaction, s.Task, r.At.UTC().Format(time.RFC3339Nano), number(r.Span), strconv.Itoa(r.Samples),
				strconv.FormatFloat(r.RSS, 'f', 0, 64), strconv.FormatFloat(r.RSSMax, 'f', 0, 64),
				number(r.CPU), number(r.CPUMax), number(r.FDs), number(r.FDsMax), number(r.Threads), number(r.Conns), strconv.Itoa(r.Restarts),
			})
		}
	}
	return out.WriteAll(rows)
}
