package hippodamia

import "time"

// Query asks the watchdog on Topics.Query for what it observes.
type Query struct {
	RequestID string    `json:"request_id"`
	Timestamp time.Time `json:"timestamp"`
}

// Services is the watchdog's answer on Topics.Reply. A large one comes in several
// messages of the same request_id; all but the last have More.
type Services struct {
	RequestID string    `json:"request_id"`
	Timestamp time.Time `json:"timestamp"`
	Services  []Service `json:"services"`
	More      bool      `json:"more,omitempty"`
}

// Service is what the watchdog knows of one microservice.
type Service struct {
	GID         string    `json:"gid"`
	UUID        string    `json:"uuid"` // of its present start
	Type        string    `json:"type"`
	Name        string    `json:"name"`
	Host        string    `json:"host"`
	ConfigID    string    `json:"config_id"`
	Version     string    `json:"version"`
	PID         int       `json:"pid"`
	State       State     `json:"state"`
	FirstSeen   time.Time `json:"first_seen"`
	LastSeen    time.Time `json:"last_seen"`
	Onboardings int       `json:"onboardings"`      // how often it was onboarded
	Reason      string    `json:"reason,omitempty"` // of its end
}

func (m Query) check() error { return first(needed("request_id", m.RequestID), stamped(m.Timestamp)) }

func (m Services) check() error {
	for _, s := range m.Services {
		if s.GID == "" {
			return &Error{"services", "one has no gid"}
		}
		if !s.State.Known() {
			return &Error{"services", "no state is called " + string(s.State)}
		}
	}
	return first(needed("request_id", m.RequestID), stamped(m.Timestamp))
}
