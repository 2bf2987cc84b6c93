package message

import (
	"errors"
	"strings"
)

// Error says which part of a message is wrong, in the words of the sender.
type Error struct {
	Topic  string // of the message; "" while that is not known
	Key    string // dotted path, as in "header.service_id"; "" for the whole message
	Reason string // what is wrong with it
	Err    error  // the cause, if another error is one
}

// Error reads as in `context message: header.service_id: is missing`.
func (e *Error) Error() string {
	var b strings.Builder
	if e.Topic != "" {
		b.WriteString(e.Topic)
		b.WriteByte(' ')
	}
	b.WriteString("message: ")
	if e.Key != "" {
		b.WriteString(e.Key)
		b.WriteString(": ")
	}
	b.WriteString(e.Reason)
	if e.Err != nil {
		if e.Reason != "" {
			b.WriteString(": ")
		}
		b.WriteString(e.Err.Error())
	}
	return b.String()
}

func (e *Error) Unwrap() error { return e.Err }

// about names the topic in an error of ours.
func about(topic string, err error) error {
	var e *Error
	if errors.As(err, &e) {
		e.Topic = topic
	}
	return err
}

// under puts key before the path of an error of ours on its way out.
func under(key string, err error) error {
	var e *Error
	switch {
	case !errors.As(err, &e):
	case e.Key == "":
		e.Key = key
	default:
		e.Key = key + "." + e.Key
	}
	return err
}
