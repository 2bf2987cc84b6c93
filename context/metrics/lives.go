package metrics

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sys/unix"

	"zmicroservices/context/event"
)

// lives counts what happens to task services, from their Changes.
type lives struct {
	labels             *labels
	restarts, failures *prometheus.CounterVec
	exits, changes     *prometheus.CounterVec
	starting, stopping prometheus.Histogram
	code, ended, took  *prometheus.GaugeVec
	probes             *prometheus.SummaryVec

	mu  sync.Mutex // guards all
	all map[event.TransactionID]map[event.TaskID]*life
}

// life is what the next Change of a task service is compared with.
type life struct {
	state  event.State       // Starting or Stopping: one is under way; else none
	since  time.Time         // of that state
	exited event.Incarnation // whose exit was counted
}

// spans are the buckets of durations in seconds: from a program that is up at once to
// one that is compiled before.
var spans = []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 120}

func newLives(o Options) *lives {
	of := func(more ...string) []string { return append([]string{"task", "task_instance"}, more...) }
	counter := func(labels []string, name, help string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	}
	gauge := func(name, help string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, of())
	}
	histogram := func(name, help string) prometheus.Histogram {
		return prometheus.NewHistogram(prometheus.HistogramOpts{Name: name, Help: help, Buckets: spans})
	}
	return &lives{
		labels: &labels{instance: o.Instance, most: o.MaxTasks, names: map[event.TaskID]name{}},
		all:    map[event.TransactionID]map[event.TaskID]*life{},

		restarts: counter(of(), "zms_task_restarts_total", "Starts that followed an earlier one in the same transaction."),
		failures: counter(of(), "zms_task_failures_total", "How often the task service came to the state failed."),
		exits:    counter(of("result"), "zms_task_exits_total", "Processes that ended: with status 0 (success), with another (failure), by a signal (signal)."),
		changes:  counter([]string{"state", "origin"}, "zms_changes_total", "Changes of state of all task services, by the state that they led to and the origin of their cause."),
		starting: histogram("zms_start_duration_seconds", "From the start of a task service until it had started, of all."),
		stopping: histogram("zms_stop_duration_seconds", "From the stop of a task service until nothing of it was left, of all."),
		code:     gauge("zms_task_last_exit_code", "Status of the process that ended last; 128 and the number of the signal that killed it."),
		ended:    gauge("zms_task_last_exit_timestamp_seconds", "When the process that ended last did so."),
		took:     gauge("zms_task_last_start_seconds", "How long the last start took until the task service had started."),
		// Sum and count only: buckets would be a dozen series a task service.
		probes: prometheus.NewSummaryVec(prometheus.SummaryOpts{
			Name: "zms_task_probe_seconds", Help: "How long checks of exec, http and tcp probes took, by their result.",
		}, of("result")),
	}
}

func (l *lives) collectors() []prometheus.Collector {
	return []prometheus.Collector{l.restarts, l.failures, l.exits, l.changes, l.starting, l.stopping, l.code, l.ended, l.took, l.probes}
}

func (l *lives) forget(id event.TransactionID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.all, id)
}

func (l *lives) changed(changes []event.Change) {
	for _, c := range changes {
		if c.Task != "" { // else it is about the whole transaction
			l.count(c, l.labels.of(c.Transaction, c.Task))
		}
	}
}

func (l *lives) count(c event.Change, n name) {
	l.mu.Lock()
	defer l.mu.Unlock()
	of := l.life(c)
	if c.Exit != nil && of.exited < c.Incarnation { // it stands in every Change until the next start
		of.exited = c.Incarnation
		l.exits.WithLabelValues(n.task, n.instance, resultOf(*c.Exit)).Inc()
		l.code.WithLabelValues(n.task, n.instance).Set(float64(statusOf(*c.Exit)))
		l.ended.WithLabelValues(n.task, n.instance).Set(float64(c.At.UnixMilli()) / 1000)
	}
	if c.From == c.To {
		return
	}
	l.changes.WithLabelValues(c.To.String(), string(c.Cause.Origin)).Inc()
	span := max(0, c.At.Sub(of.since)).Seconds() // by the monotonic clock
	switch {
	case c.To == event.Failed:
		l.failures.WithLabelValues(n.task, n.instance).Inc()
	case c.To == event.Starting && c.Incarnation > 1:
		l.restarts.WithLabelValues(n.task, n.instance).Inc()
	case c.To == event.Started && of.state == event.Starting:
		l.starting.Observe(span)
		l.took.WithLabelValues(n.task, n.instance).Set(span)
	case c.To == event.Stopped && of.state == event.Stopping:
		l.stopping.Observe(span)
	}
	of.state, of.since = c.To, c.At
}

// life is what is remembered of a task service. l.mu is held.
func (l *lives) life(c event.Change) *life {
	tasks := l.all[c.Transaction]
	if tasks == nil {
		tasks = map[event.TaskID]*life{}
		l.all[c.Transaction] = tasks
	}
	if tasks[c.Task] == nil {
		tasks[c.Task] = &life{}
	}
	return tasks[c.Task]
}

func resultOf(e event.Exit) string {
	switch {
	case e.Signal != "":
		return "signal"
	case e.Code == 0:
		return "success"
	default:
		return "failure"
	}
}

// statusOf is the number that a shell shows.
func statusOf(e event.Exit) int {
	if e.Signal != "" {
		return 128 + int(unix.SignalNum(e.Signal))
	}
	return e.Code
}
