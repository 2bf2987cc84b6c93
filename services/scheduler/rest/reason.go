package rest

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
)

// StatusError is an answer with a status that is none of success.
type StatusError struct {
	Status int
	Reason string // as the peer words it; may be ""
}

func (e *StatusError) Error() string {
	text := fmt.Sprintf("it answers %d %s", e.Status, http.StatusText(e.Status))
	if e.Reason != "" {
		text += fmt.Sprintf(": %.200q", e.Reason)
	}
	return text
}

// ErrNoAnswer is given for a call that took all its time.
var ErrNoAnswer = errors.New("no answer in time")

// reasonOf is an error of a call without the URL, which its caller says.
func reasonOf(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		if u.Timeout() {
			return ErrNoAnswer
		}
		return u.Err
	}
	return err
}
