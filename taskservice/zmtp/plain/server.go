package plain

import (
	"errors"
	"fmt"

	"zmicroservices/taskservice/zmtp"
)

// ServerOptions are a server's part in a handshake.
type ServerOptions struct {
	// Check returns an error for a user and password that do not belong together;
	// it is for Check to take the same time for each. Nil refuses everybody.
	Check func(user, password string) error
	// Metadata is what our READY says.
	Metadata zmtp.Metadata
}

// Server is the server's half of the handshake of one connection, a
// zmtp.Mechanism.
type Server struct {
	o     ServerOptions
	state string
	user  string
}

// NewServer begins a handshake.
func NewServer(o ServerOptions) *Server { return &Server{o: o, state: helloCommand} }

// Name returns "PLAIN".
func (s *Server) Name() string { return Name }

// Open is nothing: the client speaks first.
func (s *Server) Open() []byte { return nil }

// Key is the user that was let in; empty until then.
func (s *Server) Key() string { return s.user }

// Receive takes HELLO, then INITIATE.
func (s *Server) Receive(name, data []byte) (reply []byte, metadata zmtp.Metadata, done bool, err error) {
	state := s.state
	s.state = over // unless the command is as it should be
	switch {
	case string(name) == zmtp.ErrorCommand:
		return nil, nil, false, refusal(data)
	case string(name) != state:
		return nil, nil, false, unexpected(state, name)
	case state == helloCommand:
		if reply, err = s.hello(data); err == nil {
			s.state = initiateCommand
		}
		return reply, nil, false, err
	}
	if metadata, err = zmtp.ParseMetadata(data); err != nil {
		return nil, nil, false, err
	}
	return zmtp.AppendCommand(nil, zmtp.ReadyCommand, zmtp.AppendMetadata(nil, s.o.Metadata)), metadata, true, nil
}

func (s *Server) hello(data []byte) ([]byte, error) {
	c, err := parseCredentials(data)
	if err != nil {
		return nil, err
	}
	err = ErrDenied
	if s.o.Check != nil {
		err = s.o.Check(c.User, c.Password)
	}
	if err != nil {
		// Why is for our log alone: a stranger shall not learn who is known.
		return zmtp.AppendError(nil, denied), errors.Join(fmt.Errorf("user %.32q: %w", c.User, err), ErrDenied)
	}
	s.user = c.User
	return zmtp.AppendCommand(nil, welcomeCommand, nil), nil
}
