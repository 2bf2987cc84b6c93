package plain

import (
	"zmicroservices/taskservice/zmtp"
)

// Client is the client's half of the handshake of one connection, a
// zmtp.Mechanism.
type Client struct {
	credentials Credentials
	metadata    zmtp.Metadata
	state       string
}

// NewClient begins a handshake. metadata is what our INITIATE says.
func NewClient(c Credentials, metadata zmtp.Metadata) (*Client, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	return &Client{credentials: c, metadata: metadata, state: welcomeCommand}, nil
}

// Name returns "PLAIN".
func (c *Client) Name() string { return Name }

// Key is empty: a server of PLAIN proves nothing of itself.
func (c *Client) Key() string { return "" }

// Open is our HELLO.
func (c *Client) Open() []byte {
	return zmtp.AppendCommand(nil, helloCommand, c.credentials.append(nil))
}

// Receive takes WELCOME, then READY, or an ERROR instead of either.
func (c *Client) Receive(name, data []byte) (reply []byte, metadata zmtp.Metadata, done bool, err error) {
	state := c.state
	c.state = over // unless the command is as it should be
	switch {
	case string(name) == zmtp.ErrorCommand:
		return nil, nil, false, refusal(data)
	case string(name) != state:
		return nil, nil, false, unexpected(state, name)
	case state == welcomeCommand:
		c.state = zmtp.ReadyCommand
		return zmtp.AppendCommand(nil, initiateCommand, zmtp.AppendMetadata(nil, c.metadata)), nil, false, nil
	}
	metadata, err = zmtp.ParseMetadata(data)
	return nil, metadata, err == nil, err
}
