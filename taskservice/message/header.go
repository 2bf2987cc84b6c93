package message

// Header says what a message is about. The zero value of a field is written as
// "", but for RequestID, which is written only when set.
type Header struct {
	Action      string // start, stop, started, update, request, ...
	ServiceID   string // the task's id, or the ContextID
	ServiceName string // the task's service_name, "context", "state" or "all"
	Transaction string // `service_transaction` on the wire, on process `transaction`
	RequestID   string // optional uuid, echoed in all that a command causes
}

// The names of a header's keys on the wire.
const (
	keyAction             = "action"
	keyServiceID          = "service_id"
	keyServiceName        = "service_name"
	keyTransaction        = "transaction"
	keyServiceTransaction = "service_transaction"
	keyRequestID          = "request_id"
)

func (h Header) object() map[string]any {
	o := map[string]any{
		keyAction:             h.Action,
		keyServiceID:          h.ServiceID,
		keyServiceName:        h.ServiceName,
		keyServiceTransaction: h.Transaction,
	}
	if h.RequestID != "" {
		o[keyRequestID] = h.RequestID
	}
	return o
}

// reader pulls typed values out of a decoded message and keeps the first thing
// that is wrong, so that whatever else could be read is there for an answer.
type reader struct {
	topic string
	err   error
}

func (r *reader) fail(key, reason string) {
	if r.err == nil {
		r.err = &Error{Topic: r.topic, Key: key, Reason: reason}
	}
}

// object is o[key], which has to be an object; path is where o itself lies.
func (r *reader) object(o map[string]any, path, key string) map[string]any {
	v, found := o[key]
	if !found {
		r.fail(path+key, "is missing")
		return nil
	}
	child, ok := v.(map[string]any)
	if !ok {
		r.fail(path+key, "is "+kind(v)+", not an object")
	}
	return child
}

// text is o[key], which has to be a string, empty or not.
func (r *reader) text(o map[string]any, path, key string) string {
	v, found := o[key]
	if !found {
		r.fail(path+key, "is missing")
		return ""
	}
	s, ok := v.(string)
	if !ok {
		r.fail(path+key, "is "+kind(v)+", not a string")
	}
	return s
}

// header reads the four keys of a header and the optional request_id. The
// transaction is looked for under each of the names, in their order.
func (r *reader) header(o map[string]any, path string, transaction ...string) Header {
	if o == nil {
		return Header{} // already reported by whoever looked for it
	}
	h := Header{
		Action:      r.text(o, path, keyAction),
		ServiceID:   r.text(o, path, keyServiceID),
		ServiceName: r.text(o, path, keyServiceName),
	}
	name := transaction[0]
	for _, n := range transaction {
		if _, found := o[n]; found {
			name = n
			break
		}
	}
	h.Transaction = r.text(o, path, name)
	if _, found := o[keyRequestID]; found {
		h.RequestID = r.text(o, path, keyRequestID)
	}
	return h
}

// decode is Decode with the topic in its error.
func (r *reader) decode(payload []byte) map[string]any {
	o, err := Decode(payload)
	if err != nil {
		r.err = about(r.topic, err)
	}
	return o
}
