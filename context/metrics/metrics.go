package metrics

import (
	"context"
	"errors"
	"net/http"
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"zmicroservices/context/event"
)

// Options are what Metrics are made of. Context and Figures are required.
type Options struct {
	Context string // ContextID, the label of all
	Version string // of the provider
	Figures func(context.Context) *event.Figures
	// Instance gives the instance of a task service; nil, and "": it is not known.
	Instance func(event.TransactionID, event.TaskID) string
	MaxTasks int // task services with series of their own; 0 is DefaultMaxTasks
}

// DefaultMaxTasks is twice as many as a file may have: replicas count.
const DefaultMaxTasks = 10_000

// scrapePatience bounds one answer.
const scrapePatience = 10 * time.Second

func (o *Options) validate() error {
	if o.Context == "" || o.Figures == nil {
		return errors.New("metrics: Context and Figures are required")
	}
	if o.MaxTasks < 0 {
		return errors.New("metrics: MaxTasks is negative")
	}
	if o.MaxTasks == 0 {
		o.MaxTasks = DefaultMaxTasks
	}
	return nil
}

// Metrics are those of one provider. Their methods may be called from any goroutine.
type Metrics struct {
	registry *prometheus.Registry
	lives    *lives
}

// New makes them, with a registry of their own.
func New(o Options) (*Metrics, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	m := &Metrics{registry: prometheus.NewRegistry(), lives: newLives(o)}
	with := prometheus.WrapRegistererWith(prometheus.Labels{"context": o.Context}, m.registry)
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "zms_build_info", Help: "Always 1; the labels are versions.",
		ConstLabels: prometheus.Labels{"version": o.Version, "goversion": runtime.Version()},
	})
	build.Set(1)
	for _, c := range append(m.lives.collectors(), build, &picture{figures: o.Figures, labels: m.lives.labels}) {
		if err := with.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// Changed counts what has changed in a transaction. It does not block.
func (m *Metrics) Changed(changes []event.Change) { m.lives.changed(changes) }

// Answered counts a check of a probe: how long it took, and whether it succeeded. It does
// not block.
func (m *Metrics) Answered(id event.TransactionID, task event.TaskID, took time.Duration, ok bool) {
	n, result := m.lives.labels.of(id, task), "success"
	if !ok {
		result = "failure"
	}
	m.lives.probes.WithLabelValues(n.task, n.instance, result).Observe(took.Seconds())
}

// Forget lets go of what is remembered of a transaction that leaves memory. What was
// counted stays counted.
func (m *Metrics) Forget(id event.TransactionID) { m.lives.forget(id) }

// Handler serves the metrics in the formats of Prometheus.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		MaxRequestsInFlight: 4, Timeout: scrapePatience, // one that asks is the rule, two are a spare
	})
}
