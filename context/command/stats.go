package command

import (
	"context"
	"time"

	"zmicroservices/context/event"
)

// Past answers what task services have cost.
type Past interface {
	// Stats gives figures of one task service, the oldest first.
	Stats(ctx context.Context, q StatsQuery) ([]Stat, error)
	// Probes gives what the checks of its probes came to, the oldest first.
	Probes(ctx context.Context, q StatsQuery) ([]ProbeStat, error)
}

// StatsQuery chooses them.
type StatsQuery struct {
	Transaction event.TransactionID `json:"transaction"`
	Task        event.TaskID        `json:"task"`
	Since       time.Time           `json:"since"`
	Until       time.Time           `json:"until,omitzero"` // zero: now
}

// Stat is what a task service with its descendants cost in a span of time: means, and the
// most of it. Sizes are bytes, cpu_percent 100 is one core.
type Stat struct {
	At       time.Time     `json:"at"`
	Span     time.Duration `json:"span"` // 0: it is one sample
	Samples  int           `json:"samples"`
	RSS      float64       `json:"rss"`
	RSSMax   float64       `json:"rss_max"`
	CPU      float64       `json:"cpu_percent"`
	CPUMax   float64       `json:"cpu_percent_max"`
	FDs      float64       `json:"num_fds"`
	FDsMax   float64       `json:"num_fds_max"`
	Threads  float64       `json:"num_threads"`
	Conns    float64       `json:"connections"`
	Restarts int           `json:"restarts"`
}

// ProbeStat is what the checks of a task service's exec, http and tcp probes came to in a
// span of time: how long they took, failed ones included. Nothing is told of a span in
// which none was made.
type ProbeStat struct {
	At         time.Time     `json:"at"`
	Span       time.Duration `json:"span"`
	Checks     int           `json:"checks"`
	Failures   int           `json:"failures"`
	Latency    time.Duration `json:"latency"` // the mean, ns
	LatencyMax time.Duration `json:"latency_max"`
}

func (ses *session) stats(ctx context.Context, q query) {
	from := ses.s.h.opts.Past
	if from == nil || q.Stats == nil {
		ses.send(reply{ID: q.ID, Done: true, Error: "stats: there is no history here, or nothing was asked for"})
		return
	}
	stats, err := from.Stats(ctx, *q.Stats)
	var probes []ProbeStat
	if err == nil {
		probes, err = from.Probes(ctx, *q.Stats)
	}
	ses.send(answerOf(q, err, reply{Stats: stats, Probes: probes}))
}

// Stats gives what a task service has cost, and what the checks of its probes came to; of
// a provider before those were kept there are none.
func (c *Client) Stats(ctx context.Context, q StatsQuery) (stats []Stat, probes []ProbeStat, err error) {
	err = c.call(ctx, query{Verb: "stats", Stats: &q}, func(r reply) { stats, probes = r.Stats, r.Probes })
	return stats, probes, err
}
