package message

// State is a question to a provider, or its answer, on the topic `state`:
// request is answered by reply_context, top by reply_top.
type State struct {
	Header  Header
	Content map[string]any // of the questions {"configuration": …}, of reply_context the context info
	List    []any          // instead of Content where that is a list, as in reply_top
}

// Frame is the message as it goes onto the bus.
func (s State) Frame() ([]byte, error) {
	var content any = s.Content
	switch {
	case s.List != nil:
		content = s.List
	case s.Content == nil:
		content = map[string]any{}
	}
	return Frame(TopicState, map[string]any{"header": s.Header.object(), "content": content})
}

// ParseState reads a payload of the topic `state`. What could be read is in
// the result also when there is an error.
func ParseState(payload []byte) (State, error) {
	r := reader{topic: TopicState}
	o := r.decode(payload)
	if r.err != nil {
		return State{}, r.err
	}
	var s State
	s.Header = r.header(r.object(o, "", "header"), "header.", keyServiceTransaction)
	if list, ok := o["content"].([]any); ok {
		s.List = list
	} else {
		s.Content = r.object(o, "", "content")
	}
	return s, r.err
}
