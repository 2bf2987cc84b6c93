package command

import (
	"errors"

	"zmicroservices/context/event"
)

// The protocol of the control socket: newline-delimited JSON. A client sends
// queries; a server answers each with one or more replies that carry its id, the
// last one with done. Unknown keys and verbs are tolerated as far as they can be:
// an unknown verb is answered with an error.

// query is what a client asks.
type query struct {
	ID          string `json:"id"`                    // chosen by the client, unique on its connection; of a publish the request_id
	Verb        string `json:"verb"`                  // hello, publish, scale, state, watch, why, history, logs, top, monitor, stats, bus, record, enough, play
	Frame       string `json:"frame,omitempty"`       // publish: the message as on the bus
	Transaction string `json:"transaction,omitempty"` // state, watch, why
	Task        string `json:"task,omitempty"`        // why

	History *HistoryQuery   `json:"history,omitempty"` // history
	Logs    *LogQuery       `json:"logs,omitempty"`    // logs
	Upgrade *UpgradeRequest `json:"upgrade,omitempty"` // upgrade
	Follow  bool            `json:"follow,omitempty"`  // bus

	Topics   []string      `json:"topics,omitempty"`   // record: prefixes; none: all
	Of       string        `json:"of,omitempty"`       // enough: the id of the recording
	Messages []BusMessage  `json:"messages,omitempty"` // play
	Commands bool          `json:"commands,omitempty"` // play: guarded topics, too
	Top      *FiguresQuery `json:"top,omitempty"`      // top
	Monitor  *MonitorQuery `json:"monitor,omitempty"`  // monitor
	Stats    *StatsQuery   `json:"stats,omitempty"`    // stats

	Scale map[event.TaskID]int `json:"scale,omitempty"` // scale: how many replicas of each; the id is the request_id
}

// reply is one answer.
type reply struct {
	ID       string        `json:"id"`
	Done     bool          `json:"done,omitempty"`
	Error    string        `json:"error,omitempty"`
	Code     string        `json:"code,omitempty"` // unknown: the error is ErrUnknown
	Hello    *Hello        `json:"hello,omitempty"`
	Taken    bool          `json:"taken,omitempty"` // scale: it was handed on
	Outcome  *Outcome      `json:"outcome,omitempty"`
	Change   *event.Change `json:"change,omitempty"`
	View     *event.View   `json:"view,omitempty"`
	Views    []*event.View `json:"views,omitempty"`
	Why      *Why          `json:"why,omitempty"`
	History  []Entry       `json:"history,omitempty"`
	Lines    []LogLine     `json:"lines,omitempty"`
	Said     string        `json:"said,omitempty"` // upgrade: a step
	Upgrade  *Upgrade      `json:"upgrade,omitempty"`
	Bus      *BusReport    `json:"bus,omitempty"`
	Messages []BusMessage  `json:"messages,omitempty"` // record
	Dropped  *Flow         `json:"dropped,omitempty"`  // record, at its end

	Figures *event.Figures `json:"figures,omitempty"` // top
	Frame   string         `json:"frame,omitempty"`   // monitor: a message as on the wire
	Stats   []Stat         `json:"stats,omitempty"`   // stats
	Probes  []ProbeStat    `json:"probes,omitempty"`  // stats
}

// Hello is what a provider says of itself.
type Hello struct {
	Protocol         int    `json:"protocol"`
	Version          string `json:"version"`
	PID              int    `json:"pid"`
	ContextID        string `json:"context_id"`
	File             string `json:"file"`
	FrontEndEndpoint string `json:"front_end_endpoint"` // where to subscribe
	BackendEndpoint  string `json:"backend_endpoint"`   // where to publish
	StateDir         string `json:"state_dir,omitempty"`
	HTTP             string `json:"http,omitempty"`       // host:port of the page with metrics and health
	Goroutines       int    `json:"goroutines,omitempty"` // of the provider, at the time of the answer
	HeapLive         uint64 `json:"heap_live,omitempty"`  // bytes that its last collection has left
}

// Sight is one thing that a Watch sees: a View to begin with, and again after a
// reader that was too slow; else a Change.
type Sight struct {
	View   *event.View
	Change *event.Change
}

// What a client's caller branches on.
var (
	ErrNobody  = errors.New("no provider is listening")
	ErrUnknown = errors.New("no such transaction")
	ErrGone    = errors.New("the provider went away")
	ErrLagged  = errors.New("reader lagged behind") // see Stream
)

// maxLine bounds one line of the protocol: a message of the bus, and some more.
const maxLine = 96 << 20
