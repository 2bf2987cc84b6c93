package message

import "bytes"

// Separator stands between topic and payload as we write it. Readers look for
// its three @ and trim what is around them.
const Separator = " @@@ "

// The topics of a context.
const (
	TopicContext = "context"
	TopicProcess = "process"
	TopicControl = "control"
	TopicState   = "state"
	TopicMonitor = "monitor"
)

var mark = []byte("@@@")

// Split cuts a frame at its first "@@@" and trims both sides. The payload is a
// part of frame, not a copy. A payload may hold "@@@" itself: the original
// could not receive that, we can.
func Split(frame []byte) (topic string, payload []byte, err error) {
	head, tail, found := bytes.Cut(frame, mark)
	if !found {
		return "", nil, &Error{Reason: `has no "@@@" between topic and payload`}
	}
	head = bytes.TrimSpace(head)
	if len(head) == 0 {
		return "", nil, &Error{Reason: `has no topic before "@@@"`}
	}
	return string(head), bytes.TrimSpace(tail), nil
}

// Join is the inverse of Split.
func Join(topic string, payload []byte) []byte {
	frame := make([]byte, 0, len(topic)+len(Separator)+len(payload))
	frame = append(frame, topic...)
	frame = append(frame, Separator...)
	return append(frame, payload...)
}

// Topic is the topic of a frame, "" if there is none. It looks at the start of
// the frame only, so that asking it of a stranger's large frame costs nothing.
func Topic(frame []byte) string {
	const longest = 1024
	head, _, found := bytes.Cut(frame[:min(len(frame), longest)], mark)
	if !found {
		return ""
	}
	return string(bytes.TrimSpace(head))
}

// Frame encodes v and puts topic before it.
func Frame(topic string, v any) ([]byte, error) {
	return AppendFrame(make([]byte, 0, 512), topic, v)
}

// AppendFrame appends the frame of v to dst, for who says much and often.
func AppendFrame(dst []byte, topic string, v any) ([]byte, error) {
	dst = append(append(dst, topic...), Separator...)
	dst, err := appendValue(dst, v, pretty)
	if err != nil {
		return nil, about(topic, err)
	}
	return dst, nil
}
