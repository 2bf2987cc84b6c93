// Package metrics tells Prometheus what a provider does: the counters, gauges and
// histograms behind the page /metrics.
//
//	m, err := metrics.New(metrics.Options{Context: "context001", Figures: figures, Instance: instance})
//	…
//	m.Changed(changes)                       // of every transaction, in order
//	http.Handle("/metrics", m.Handler())
//
// It is a reader: gauges are made from event.Figures when somebody asks, counters grow
// with the Changes that come by. Nothing is asked of a transaction, and what is slow to
// read is read by whoever makes the Figures. It never listens on anything, and never uses
// the default registry of client_golang: what other packages register there is not ours
// to publish.
//
// # Names and labels
//
// Names begin with zms_, in base units (bytes, seconds, ratios where 1 is the whole).
// Every series has the label context, those of task services task (their id in the file)
// and task_instance (the file's instance). There is no label for a pid, a transaction or
// a connection: those come and go, and every one would be a series for ever. A task
// service that runs in several transactions is summed up over all that are in memory.
// The number of task services that have series of their own is bounded (MaxTasks); those
// beyond, which a file cannot have, are counted together as task="other".
//
// # Why not a label named instance
//
// Prometheus gives that name to the machine that it asks, and renames ours.
//
// # Why counters are not made from Views
//
// A transaction that was quiet leaves memory, and its numbers with it. A counter that
// shrinks is taken for a restart, and its rate for a burst.
package metrics
