package hippodamia

import "time"

// OnboardingRequest is said on Topics.Contact by an agent that wants to be watched.
type OnboardingRequest struct {
	UUID      string    `json:"uuid"`          // of this start of the agent, UUID v4
	Topic     string    `json:"topic"`         // where it awaits the response
	GID       string    `json:"gid,omitempty"` // the one it has had before, if it knows
	Type      string    `json:"type"`          // what kind of microservice it is; of a task service, its instance
	Name      string    `json:"name"`
	Host      string    `json:"host"`
	ConfigID  string    `json:"config_id"` // which configuration it runs with; of a task service, context and task id
	Version   string    `json:"version"`
	PID       int       `json:"pid"`
	Timestamp time.Time `json:"timestamp"`
}

// OnboardingResponse is the watchdog's answer, on the topic that the request named.
type OnboardingResponse struct {
	UUID      string    `json:"uuid"` // of the request
	GID       string    `json:"gid"`  // the microservice's, the same each time it is onboarded
	Timestamp time.Time `json:"timestamp"`
}

// Ping is the least sign of life, and the head of all that an agent says.
type Ping struct {
	GID       string    `json:"gid"`
	UUID      string    `json:"uuid"`
	Seq       uint64    `json:"seq"` // counts what this uuid has said, from 1
	Timestamp time.Time `json:"timestamp"`
}

// Runtime is a ping with how the microservice is.
type Runtime struct {
	Ping
	Runtime RuntimeInfo `json:"runtime"`
}

// RuntimeInfo is what an agent knows of its process. What it does not know is left out.
type RuntimeInfo struct {
	PID        int               `json:"pid"`
	RSS        int64             `json:"rss,omitempty"`         // bytes
	CPUPercent float64           `json:"cpu_percent,omitempty"` // since the runtime message before; 100 is one core
	CPUTime    float64           `json:"cpu_time_s,omitempty"`  // user and system, seconds
	Uptime     float64           `json:"uptime_s"`              // seconds
	Threads    int               `json:"threads,omitempty"`
	FDs        int               `json:"fds,omitempty"`
	State      string            `json:"state,omitempty"` // the task service's own: started, updated, ...
	Versions   map[string]string `json:"versions,omitempty"`
	Log        []LogLine         `json:"log,omitempty"` // the last warnings and errors, oldest first
}

// LogLine is a warning or an error of late.
type LogLine struct {
	Time    time.Time `json:"time"`
	Level   string    `json:"level"` // WARN or ERROR
	Message string    `json:"message"`
}

// Config is a ping with how the microservice is configured, secrets masked.
type Config struct {
	Ping
	Config map[string]any `json:"config"`
}

// End is a goodbye: by the agent, or in its name as its last will.
type End struct {
	Ping
	Reason string `json:"reason"`
}

// ReasonLastWill is the reason of an End that its agent could not say itself.
const ReasonLastWill = "last-will"

// Command asks agents for something: the one with this gid, or all.
type Command struct {
	GID       string    `json:"gid,omitempty"`
	RequestID string    `json:"request_id"`
	Timestamp time.Time `json:"timestamp"`
}
