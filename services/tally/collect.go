package tally

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Of one scrape.
const (
	scrapePatience = 10 * time.Second
	scrapesAtOnce  = 8
)

// Handler is the page of the metrics, those of the process among them.
func (t *Tally) Handler() http.Handler {
	return promhttp.HandlerFor(t.registry, promhttp.HandlerOpts{
		ErrorLog: slog.NewLogLogger(t.Logger.Handler(), slog.LevelWarn),
		Timeout:  scrapePatience, MaxRequestsInFlight: scrapesAtOnce,
	})
}

func (t *Tally) register() error {
	for _, c := range []prometheus.Collector{
		&picture{of: t, descs: newDescs(t.Prefix)},
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	} {
		if err := t.registry.Register(c); err != nil {
			return err
		}
	}
	return nil
}

// descs are the names of the metrics.
type descs struct {
	good, errors, types, versions, expired, processing, maintenance, missed, overflow *prometheus.Desc
}

func newDescs(prefix string) descs {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(prefix+"_"+name, help, labels, nil)
	}
	return descs{
		good:        desc("good_events", "Events that were processed.", "component"),
		errors:      desc("process_errors", "Messages on topics of events that could not be processed.", "component"),
		types:       desc("event_types", "Events by type.", "component", "type"),
		versions:    desc("versions", "Nodes that run a version of a component.", "component", "version"),
		expired:     desc("nodes_expired", "Nodes that were not heard of for the horizon and are not counted any more.", "component"),
		processing:  desc("processing_time", "Time taken to process events, in seconds.", "component"),
		maintenance: desc("maintenance_time", "Time taken to look for nodes that are not heard of any more, in seconds.", "component"),
		missed:      desc("alive_missed_total", "Missed alives that this tally has told the bus of.", "component"),
		overflow:    desc("overflow_total", "Events whose component, version or node was beyond a bound.", "kind"),
	}
}

// picture makes metrics of what was counted when somebody asks: all of them of the
// same moment.
type picture struct {
	of *Tally
	descs
}

// Describe implements prometheus.Collector.
func (p *picture) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{p.good, p.errors, p.types, p.versions, p.expired, p.processing, p.maintenance, p.missed, p.overflow} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (p *picture) Collect(ch chan<- prometheus.Metric) {
	for _, m := range p.take() { // not under the lock: whoever reads takes his time
		ch <- m
	}
}

func (p *picture) take() []prometheus.Metric {
	p.of.mu.Lock()
	defer p.of.mu.Unlock()
	l := p.of.ledger
	metrics := make([]prometheus.Metric, 0, 8*len(l.components)+l.versions+4)
	value := func(d *prometheus.Desc, kind prometheus.ValueType, v float64, labels ...string) {
		// No word gets here that is no label: Must cannot fail.
		metrics = append(metrics, prometheus.MustNewConstMetric(d, kind, v, labels...))
	}
	summary := func(d *prometheus.Desc, n uint64, sum time.Duration, label string) {
		metrics = append(metrics, prometheus.MustNewConstSummary(d, n, sum.Seconds(), nil, label))
	}
	// Untyped: see doc.go.
	for _, c := range l.components {
		value(p.good, prometheus.UntypedValue, float64(c.good), c.name)
		value(p.errors, prometheus.UntypedValue, float64(c.errors), c.name)
		value(p.expired, prometheus.UntypedValue, float64(c.expired), c.name)
		if p.of.Say != nil {
			value(p.missed, prometheus.CounterValue, float64(c.missed), c.name)
		}
		for kind, n := range c.types {
			value(p.types, prometheus.UntypedValue, float64(n), c.name, kind.String())
		}
		for name, v := range c.versions {
			value(p.versions, prometheus.GaugeValue, float64(v.nodes), c.name, name)
		}
		summary(p.processing, c.processed, c.processing, c.name)
	}
	summary(p.maintenance, l.maintained, l.maintenance, orAll(p.of.Component))
	for kind, n := range l.overflow {
		value(p.overflow, prometheus.CounterValue, float64(n), kind)
	}
	return metrics
}
