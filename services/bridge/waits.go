package bridge

import (
	"encoding/json"
	"strings"
	"sync"

	"zmicroservices/taskservice/message"
)

// waits are the commands that wait for their outcome on the bus.
type waits struct {
	mu sync.Mutex // guards by
	by map[string]chan Verdict
}

func newWaits() *waits { return &waits{by: map[string]chan Verdict{}} }

// open waits for the outcome of a request, until shut. Its one answer is sent by offer; a
// further one finds no room and is passed over, hence 1.
func (w *waits) open(id string) (<-chan Verdict, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.by[id] != nil {
		return nil, false
	}
	c := make(chan Verdict, 1)
	w.by[id] = c
	return c, true
}

func (w *waits) shut(id string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.by, id)
}

// offer looks whether a message is somebody's outcome.
func (w *waits) offer(topic string, payload []byte) {
	w.mu.Lock()
	n := len(w.by)
	w.mu.Unlock()
	if n == 0 || topic != message.TopicControl && topic != message.TopicState {
		return
	}
	v, ok := verdictOf(topic, payload)
	if !ok {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	select {
	case w.by[v.RequestID] <- v: // nobody's is nil, and never ready
	default:
	}
}

// verdictOf reads a command_result, or a reply on the topic state.
func verdictOf(topic string, payload []byte) (Verdict, bool) {
	var m struct {
		Header struct {
			Action    string `json:"action"`
			RequestID string `json:"request_id"`
		} `json:"header"`
		Content json.RawMessage `json:"content"`
	}
	if json.Unmarshal(payload, &m) != nil || m.Header.RequestID == "" {
		return Verdict{}, false
	}
	if topic == message.TopicState {
		if !strings.HasPrefix(m.Header.Action, "reply_") || string(m.Content) == "{}" { // an empty one is followed by the reason
			return Verdict{}, false
		}
		return Verdict{Result: "success", RequestID: m.Header.RequestID, Content: m.Content}, true
	}
	var c struct {
		Status struct {
			DeviceAction string            `json:"device_action"`
			Result       string            `json:"result"`
			Reason       string            `json:"reason"`
			Tasks        map[string]string `json:"tasks"`
		} `json:"status"`
	}
	if json.Unmarshal(m.Content, &c) != nil || c.Status.DeviceAction != "command_result" {
		return Verdict{}, false
	}
	return Verdict{Result: c.Status.Result, Reason: c.Status.Reason, Tasks: c.Status.Tasks, RequestID: m.Header.RequestID}, true
}
