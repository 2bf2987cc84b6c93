package curve

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"zmicroservices/taskservice/zmtp"
)

// Client is the client's half of the handshake of one connection, a
// zmtp.Mechanism.
type Client struct {
	credentials Credentials
	metadata    zmtp.Metadata
	state       string
	session     *Session

	short Pair    // ours for this connection
	outer *shared // of our short-term and the server's long-term key
	inner *shared // of the two short-term keys
}

// The nonces of a client's handshake; MESSAGEs go on from there.
const (
	helloNumber    = 1
	initiateNumber = 2
)

// NewClient begins a handshake. metadata is what our INITIATE says.
func NewClient(c Credentials, metadata zmtp.Metadata) (*Client, error) {
	short, err := NewPair()
	if err != nil {
		return nil, err
	}
	return &Client{credentials: c, metadata: metadata, state: welcomeCommand, short: short, outer: share(c.Server, short.Secret)}, nil
}

// Name returns "CURVE".
func (c *Client) Name() string { return Name }

// Key is the server's long-term key in Z85.
func (c *Client) Key() string { return c.credentials.Server.String() }

// Session is what the handshake agreed on; nil until it is done.
func (c *Client) Session() *Session { return c.session }

// Open is our HELLO. It is longer than the WELCOME that answers it, so that a
// server amplifies nothing.
func (c *Client) Open() []byte {
	data := make([]byte, 74, helloSize)
	data[0] = 1 // the version, 1.0
	data = append(data, c.short.Public[:]...)
	data = binary.BigEndian.AppendUint64(data, helloNumber)
	data = c.outer.seal(data, shortNonce(helloNonce, helloNumber), make([]byte, signedLength))
	return zmtp.AppendCommand(nil, helloCommand, data)
}

// Receive takes WELCOME, then READY, or an ERROR instead of either.
func (c *Client) Receive(name, data []byte) (reply []byte, metadata zmtp.Metadata, done bool, err error) {
	switch string(name) {
	case zmtp.ErrorCommand:
		err = refusal(data)
	case welcomeCommand:
		if err = order(c.state, welcomeCommand, data, welcomeSize, true); err == nil {
			reply, err = c.welcome(data)
		}
	default:
		if err = order(c.state, string(name), data, minReady, false); err == nil {
			metadata, err = c.ready(data)
		}
		done = err == nil
	}
	if err != nil {
		c.state = over // what comes after an error is one, too
	}
	return reply, metadata, done, err
}

// welcome proves that the server owns its key, and answers with INITIATE.
func (c *Client) welcome(data []byte) ([]byte, error) {
	text, err := c.outer.open(longNonce(welcomeNonce, data), data[16:])
	if err != nil {
		return nil, fmt.Errorf("WELCOME is not of the server with the key %s: %w", c.credentials.Server, err)
	}
	serverShort, cookie := Key(text[:32]), text[32:]
	c.inner = share(serverShort, c.short.Secret)

	nonce := randomNonce(vouchNonce)
	vouched := append(bytes.Clone(c.short.Public[:]), c.credentials.Server[:]...)
	said := bytes.Clone(c.credentials.Public[:])
	said = append(said, nonce[8:]...)
	said = share(serverShort, c.credentials.Secret).seal(said, nonce, vouched)
	said = zmtp.AppendMetadata(said, c.metadata)

	initiate := make([]byte, 0, minInitiate+len(said))
	initiate = append(initiate, cookie...)
	initiate = binary.BigEndian.AppendUint64(initiate, initiateNumber)
	initiate = c.inner.seal(initiate, shortNonce(initiateNonce, initiateNumber), said)
	c.state = zmtp.ReadyCommand
	return zmtp.AppendCommand(nil, initiateCommand, initiate), nil
}

// ready ends the handshake.
func (c *Client) ready(data []byte) (zmtp.Metadata, error) {
	nonce := binary.BigEndian.Uint64(data)
	text, err := c.inner.open(shortNonce(readyNonce, nonce), data[8:])
	if err != nil {
		return nil, fmt.Errorf("READY: %w", err)
	}
	metadata, err := zmtp.ParseMetadata(text)
	if err != nil {
		return nil, err
	}
	c.state = over
	c.session = &Session{out: newStream(clientNonce, c.inner), sent: initiateNumber, in: newStream(serverNonce, c.inner), greeted: nonce}
	return metadata, nil
}
