package gap

import (
	"fmt"
	"time"

	"zmicroservices/taskservice/message"
)

// AliveMissed is the device_action of a Notice.
const AliveMissed = "alive_missed"

// Notice says on the bus that a node has missed its alive.
type Notice struct {
	Node
	LastSeen time.Time
}

// Control is the notice in the name of an observer: its service_id, service_name and
// transaction are those of h.
func (n Notice) Control(h message.Header, horizon time.Duration) message.Control {
	h.Action = "updated"
	return message.Control{Header: h, Status: map[string]any{
		"device_action": AliveMissed,
		"result":        "success",
		"component":     n.Component,
		"identity":      n.Identity,
		"last_seen":     n.LastSeen.UTC().Format(time.RFC3339Nano),
		"reason":        fmt.Sprintf("%s %s has not been heard of for %s", n.Component, n.Identity, horizon),
	}}
}

// NoticeOf reads a notice; false: it is some other message.
func NoticeOf(c message.Control) (Notice, bool) {
	if c.Header.Action != "updated" || c.Status["device_action"] != AliveMissed {
		return Notice{}, false
	}
	var n Notice
	n.Component, _ = c.Status["component"].(string)
	n.Identity, _ = c.Status["identity"].(string)
	seen, _ := c.Status["last_seen"].(string)
	n.LastSeen, _ = time.Parse(time.RFC3339Nano, seen) // one that cannot be read is nobody's loss
	return n, n.Component != "" && n.Identity != ""
}
