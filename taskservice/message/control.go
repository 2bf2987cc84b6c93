package message

// Control is a report of a state, on the topic `control`: of a task service
// (started, created, updated, failed, stopped, exited) or, from the provider,
// of a whole context (update).
type Control struct {
	Header Header
	Status map[string]any // content.status: device_action, result, pid and the sender's own items
}

// Frame is the message as it goes onto the bus.
func (c Control) Frame() ([]byte, error) { return c.AppendFrame(make([]byte, 0, 512)) }

// AppendFrame appends the message as it goes onto the bus.
func (c Control) AppendFrame(dst []byte) ([]byte, error) {
	status := c.Status
	if status == nil {
		status = map[string]any{}
	}
	return AppendFrame(dst, TopicControl, map[string]any{
		"header":  c.Header.object(),
		"content": map[string]any{"status": status},
	})
}

// ParseControl reads a payload of the topic `control`. What could be read is
// in the result also when there is an error.
func ParseControl(payload []byte) (Control, error) {
	r := reader{topic: TopicControl}
	o := r.decode(payload)
	if r.err != nil {
		return Control{}, r.err
	}
	var c Control
	c.Header = r.header(r.object(o, "", "header"), "header.", keyServiceTransaction)
	if content := r.object(o, "", "content"); content != nil {
		c.Status = r.object(content, "content.", "status")
	}
	return c, r.err
}
