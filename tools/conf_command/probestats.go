package main

import (
	"encoding/csv"
	"fmt"
	"strconv"
	"time"

	"zmicroservices/context/command"
	"zmicroservices/tools/conf_command/screen"
)

// checks is what the checks of a task service's probes came to in a span of time.
type checks struct {
	At         time.Time `json:"at"`
	Span       float64   `json:"span_s"`
	Checks     int       `json:"checks"`
	Failures   int       `json:"failures"`
	Latency    float64   `json:"latency_ms"` // the mean
	LatencyMax float64   `json:"latency_ms_max"`
}

func checksOf(stats []command.ProbeStat) []checks {
	list := make([]checks, len(stats))
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	for i, s := range stats {
		list[i] = checks{s.At, s.Span.Seconds(), s.Checks, s.Failures, ms(s.Latency), ms(s.LatencyMax)}
	}
	return list
}

// summary is what a line of the table says of them. Times are ms.
type summary struct {
	checks, failures int
	last, mean, most float64
	values           []float64 // the means, the oldest first
}

func summaryOf(list []checks) (s summary) {
	for _, a := range list {
		s.checks, s.failures, s.last, s.most = s.checks+a.Checks, s.failures+a.Failures, a.Latency, max(s.most, a.LatencyMax)
		s.mean += (a.Latency - s.mean) * float64(a.Checks) / float64(s.checks)
		s.values = append(s.values, a.Latency)
	}
	return s
}

func milliseconds(ms float64) string { return fmt.Sprintf("%.1fms", ms) }

func (b bygones) showProbes(w world) error {
	t := newTable(w.colour, "TASK", "CHECKS", "FAILED", "LAST", "MEAN", "MAX", "HOW IT WENT")
	for _, s := range b.Services {
		p := summaryOf(s.Probes)
		if p.checks == 0 {
			fmt.Fprintf(w.err, "no probe of %s asked anything in transaction %s in that time\n", printable(s.Task), printable(b.Transaction))
			continue
		}
		t.add(plain(s.Task, strconv.Itoa(p.checks), strconv.Itoa(p.failures), milliseconds(p.last), milliseconds(p.mean), milliseconds(p.most),
			screen.Sparkline(p.values, sparkWidth, w.unicode))...)
	}
	return t.show(w.out)
}

func (b bygones) writeProbesCSV(w world) error {
	out := csv.NewWriter(w.out)
	rows := [][]string{{"transaction", "task", "at", "span_s", "checks", "failures", "latency_ms", "latency_ms_max"}}
	number := func(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }
	for _, s := range b.Services {
		for _, a := range s.Probes {
			rows = append(rows, []string{
				b.Transaction, s.Task, a.At.UTC().Format(time.RFC3339Nano), number(a.Span),
				strconv.Itoa(a.Checks), strconv.Itoa(a.Failures), number(a.Latency), number(a.LatencyMax),
			})
		}
	}
	return out.WriteAll(rows)
}
