package rest

import (
	"errors"
	"net/url"
)

// reasonOf is an error of a call without the URL, which its caller says.
func reasonOf(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		if u.Timeout() {
			return errors.New("no answer in time")
		}
		return u.Err
	}
	return err
}
