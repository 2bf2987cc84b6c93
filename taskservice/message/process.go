package message

import "maps"

// Process is what a provider tells one task service, on the topic `process`:
// start or stop. The message is the task object itself; the header lies inside
// it, at Task.message.header.
type Process struct {
	Header Header
	Object map[string]any // the task object
}

const processHeader = "Task.message.header."

// Frame is the message as it goes onto the bus.
func (p Process) Frame() ([]byte, error) { return Frame(TopicProcess, p.Filled()) }

// Filled is the task object with Header in its place. The object itself is left
// as it is, since it is often one that many messages are made of.
func (p Process) Filled() map[string]any {
	object := shallow(p.Object)
	task := child(object, "Task")
	header := child(child(task, "message"), "header")
	header[keyAction] = p.Header.Action
	header[keyServiceID] = p.Header.ServiceID
	header[keyServiceName] = p.Header.ServiceName
	header[keyTransaction] = p.Header.Transaction
	if _, found := header[keyServiceTransaction]; found {
		header[keyServiceTransaction] = p.Header.Transaction
	}
	if p.Header.RequestID != "" {
		header[keyRequestID] = p.Header.RequestID
	}
	return object
}

// ParseProcess reads a payload of the topic `process`. The transaction may be
// called `transaction`, as the provider does, or `service_transaction`, as an
// operator's direct command does. What could be read is in the result also
// when there is an error.
func ParseProcess(payload []byte) (Process, error) {
	r := reader{topic: TopicProcess}
	o := r.decode(payload)
	if r.err != nil {
		return Process{}, r.err
	}
	p := Process{Object: o}
	if task := r.object(o, "", "Task"); task != nil {
		if msg := r.object(task, "Task.", "message"); msg != nil {
			header := r.object(msg, "Task.message.", "header")
			p.Header = r.header(header, processHeader, keyTransaction, keyServiceTransaction)
		}
	}
	return p, r.err
}

// child replaces o[key] by a copy of it, or by an empty object, and returns that.
func child(o map[string]any, key string) map[string]any {
	old, _ := o[key].(map[string]any)
	c := shallow(old)
	o[key] = c
	return c
}

func shallow(m map[string]any) map[string]any {
	if m == nil {
		return map[string]any{}
	}
	return maps.Clone(m)
}
