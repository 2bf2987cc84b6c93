package plain

import (
	"errors"
	"fmt"
	"log/slog"

	"zmicroservices/taskservice/zmtp"
)

// Name is the mechanism's name in a greeting.
const Name = "PLAIN"

const (
	helloCommand    = "HELLO"
	welcomeCommand  = "WELCOME"
	initiateCommand = "INITIATE"
	over            = "" // no command is expected: none has an empty name
)

// ErrDenied means that user and password do not let a client in.
var ErrDenied = errors.New("user or password is not accepted")

// denied is ZAP's status (RFC 27) for who is not let in, which libzmq knows.
const denied = "400"

// Credentials are what a client says of itself. They do not show the password in
// a log or by fmt.
type Credentials struct{ User, Password string }

// String names the user.
func (c Credentials) String() string { return c.User }

// GoString is String, for %#v.
func (c Credentials) GoString() string { return c.String() }

// LogValue is String, for log/slog.
func (c Credentials) LogValue() slog.Value { return slog.StringValue(c.User) }

// Validate says what is too long for the wire, which has one byte for a length.
func (c Credentials) Validate() error {
	if len(c.User) > 255 || len(c.Password) > 255 {
		return fmt.Errorf("user of %d bytes, password of %d: each has at most 255", len(c.User), len(c.Password))
	}
	return nil
}

func (c Credentials) append(dst []byte) []byte {
	dst = append(append(dst, byte(len(c.User))), c.User...)
	return append(append(dst, byte(len(c.Password))), c.Password...)
}

func parseCredentials(data []byte) (c Credentials, err error) {
	for _, field := range []*string{&c.User, &c.Password} {
		if len(data) == 0 || len(data) < 1+int(data[0]) {
			return c, fmt.Errorf("HELLO is truncated: %w", zmtp.ErrMalformed)
		}
		*field, data = string(data[1:1+data[0]]), data[1+data[0]:]
	}
	if len(data) > 0 {
		return c, fmt.Errorf("HELLO has %d bytes too many: %w", len(data), zmtp.ErrMalformed)
	}
	return c, nil
}

// refusal is the peer's ERROR as an error.
func refusal(data []byte) error {
	reason, err := zmtp.ParseError(data)
	if err != nil {
		return err
	}
	if reason == denied {
		return errors.Join(fmt.Errorf("%q: %w", reason, zmtp.ErrPeer), ErrDenied)
	}
	return fmt.Errorf("%q: %w", reason, zmtp.ErrPeer)
}

func unexpected(state string, name []byte) error {
	if state == over {
		state = "nothing more"
	}
	return fmt.Errorf("%.32q instead of %s: %w", name, state, zmtp.ErrMalformed)
}
