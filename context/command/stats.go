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

func (ses *session) stats(ctx context.Context, q query) {
	from := ses.s.h.opts.Past
	if from == nil || q.Stats == nil {
		ses.send(reply{ID: q.ID, Done: true, Error: "stats: there is no history here, or nothing was asked for"})
		return
	}
	stats, err := from.Stats(ctx, *q.Stats)
	ses.send(answerOf(q, err, reply{Stats: stats}))
}

// Stats gives what a task service has cost.
func (c *Client) Stats(ctx context.Context, q StatsQuery) ([]Stat, error) {
	var stats []Stat
	err := c.call(ctx, query{Verb: "stats", Stats: &q}, func(r reply) { stats = r.Stats })
	return stats, err
}
