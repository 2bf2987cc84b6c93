// Package history keeps what task services have cost: every sample for two hours,
// a row a minute for five days, a row an hour for 400 days, in a file of its own.
//
//	h, err := history.Open(ctx, history.Options{Path: "history.db", Logger: log})
//	…
//	go h.Run(ctx) // the writer; ends with ctx, or Close
//	h.Add([]history.Sample{{Transaction: "T", Task: "ts001", At: now, RSS: rss}}) // never waits
//	h.Answered(history.Answer{Transaction: "T", Task: "ts001", At: now, Took: took, OK: true}) // a probe's check
//	rows, err := h.Read(ctx, history.Query{Transaction: "T", Task: "ts001", Since: now.Add(-time.Hour)})
//
// Samples are gathered for a minute and then written in one go: two rows a task service
// and minute, whatever the pace of the samples. 50 services with a sample a second take
// less than 100 MB in 30 days. A process that is killed loses the minute that was being gathered.
//
// Of the checks of probes (exec, http, tcp) a row a minute and a row an hour stay: how many
// there were and failed, and how long they took, the mean and the most, of all probes of a
// task service together. Kinds are not kept apart: few services have two that take time,
// and which one was slow is what its verdicts in the journal tell. Failed checks count for
// the times, too: what a timeout took is how long the service made others wait.
//
// It never blocks who adds: what the disk does not take waits in the store's ring, and is
// lost and counted beyond that. It measures nothing, and keeps no processes and no
// connections, only figures.
//
// Why not a time series database beside us: for a box that has none this is enough, and
// Prometheus is told at /metrics.
package history
