package scale

import (
	"maps"
	"slices"
	"testing"

	"zmicroservices/test/harness"
)

// lives judges what the bus said of many services.
type lives struct {
	t    testing.TB
	said map[string][]string // by service_id: what control said, in order
}

func (l *lives) add(messages []harness.Message) {
	for _, m := range messages {
		if m.Topic == "control" && m.ServiceName != "context" {
			l.said[m.ServiceID] = append(l.said[m.ServiceID], m.Action)
		}
	}
}

// wantOnce wants every service to have started and stopped, once, in that order.
func (l *lives) wantOnce(n int) {
	l.t.Helper()
	if len(l.said) != n {
		l.t.Errorf("the bus spoke of %d services, want %d", len(l.said), n)
	}
	wrong := 0
	for _, id := range slices.Sorted(maps.Keys(l.said)) {
		if !slices.Equal(l.said[id], []string{"started", "stopped"}) {
			if wrong++; wrong <= 5 {
				l.t.Errorf("%s: control said %v, want started, stopped", id, l.said[id])
			}
		}
	}
	if wrong > 5 {
		l.t.Errorf("and %d more like these", wrong-5)
	}
}

// counter is true at the nth control message of that action.
func counter(action string, n int) func(harness.Message) bool {
	return func(m harness.Message) bool {
		if m.Topic == "control" && m.ServiceName != "context" && m.Action == action {
			n--
		}
		return n == 0
	}
}
