package message

// Usage is what a provider reports of one transaction's cost, on the topic `context`
// with the action monitor. It is no command and never answered.
type Usage struct {
	Header Header
	Data   []any // content.status.data: an object of kind transaction, one a service, those of kind self
}

// ProcessMonitor is content.status.device_action of a Usage, and ActionMonitor the
// action of its header.
const (
	ProcessMonitor = "process_monitor"
	ActionMonitor  = "monitor"
)

// AppendFrame appends the message as it goes onto the bus.
func (u Usage) AppendFrame(dst []byte) ([]byte, error) {
	data := u.Data
	if data == nil {
		data = []any{}
	}
	status := map[string]any{"device_action": ProcessMonitor, "result": "success", "data": data}
	return AppendFrame(dst, TopicContext, map[string]any{
		"header":  u.Header.object(),
		"content": map[string]any{"status": status},
	})
}

// ParseUsage reads a payload of the topic `context` whose action is monitor.
func ParseUsage(payload []byte) (Usage, error) {
	r := reader{topic: TopicContext}
	o := r.decode(payload)
	if r.err != nil {
		return Usage{}, r.err
	}
	var u Usage
	u.Header = r.header(r.object(o, "", "header"), "header.", keyServiceTransaction)
	if status := r.object(r.object(o, "", "content"), "content.", "status"); r.err == nil {
		var ok bool
		if u.Data, ok = status["data"].([]any); !ok {
			r.fail("content.status.data", "is "+kind(status["data"])+", not a list")
		}
	}
	return u, r.err
}
