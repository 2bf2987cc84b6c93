package harness

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"zmicroservices/taskservice/zmtp"
	"zmicroservices/taskservice/zmtp/curve"
)

// Client is one ZMTP 3.1 connection, spoken by hand: no thread, no queue, no
// reconnect between a test and the wire.
type Client struct {
	net.Conn
	in      *bufio.Reader
	scratch []byte // of Skip
}

// Connect opens a plain connection to an endpoint.
func Connect(endpoint string) (net.Conn, error) {
	network, address, ok := strings.Cut(endpoint, "://")
	if !ok {
		return nil, fmt.Errorf("connect: %q is no endpoint", endpoint)
	}
	if network == "ipc" {
		network = "unix"
	}
	return net.DialTimeout(network, address, Patience)
}

// NewSubscriber connects to the forwarder's back. Its subscriptions are active when
// what it publishes itself comes back; see Observe.
func NewSubscriber(endpoint string, topics ...string) (*Client, error) {
	return NewSubscriberAs(credentialsAt(endpoint), endpoint, topics...)
}

// NewSubscriberAs is NewSubscriber with these credentials; nil is NULL.
func NewSubscriberAs(credentials *curve.Credentials, endpoint string, topics ...string) (*Client, error) {
	c, err := shake(endpoint, zmtp.SUB, credentials)
	if err != nil {
		return nil, err
	}
	for _, topic := range topics {
		if err := c.subscribe(topic); err != nil {
			_ = c.Close() // nothing was said on it
			return nil, err
		}
	}
	return c, nil
}

func (c *Client) subscribe(topic string) error {
	_, err := c.Write(zmtp.AppendCommand(nil, zmtp.SubscribeCommand, []byte(topic)))
	return err
}

// NewPublisher connects to the forwarder's front and returns when it was subscribed
// to: what it sends from now on is forwarded.
func NewPublisher(endpoint string) (*Client, error) {
	return NewPublisherAs(credentialsAt(endpoint), endpoint)
}

// NewPublisherAs is NewPublisher with these credentials; nil is NULL.
func NewPublisherAs(credentials *curve.Credentials, endpoint string) (*Client, error) {
	c, err := shake(endpoint, zmtp.PUB, credentials)
	if err != nil {
		return nil, err
	}
	_, name, err := c.frame()
	if err == nil && name != zmtp.SubscribeCommand {
		err = fmt.Errorf("the forwarder said %q and did not subscribe", name)
	}
	if err != nil {
		_ = c.Close() // nothing was said on it
		return nil, err
	}
	return c, nil
}

// Publisher is NewPublisher for a test, closed at its end.
func Publisher(t testing.TB, endpoint string) *Client {
	t.Helper()
	c, err := NewPublisher(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// Subscriber is NewSubscriber for a test, closed at its end.
func Subscriber(t testing.TB, endpoint string, topics ...string) *Client {
	t.Helper()
	c, err := NewSubscriber(endpoint, topics...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// Send sends one message of one frame. It is in the kernel's hands then.
func (c *Client) Send(message []byte) error {
	_, err := c.Write(zmtp.AppendFrame(nil, 0, message))
	return err
}

// Receive gives the next message, its frames joined; commands are passed over,
// but for a PING, which is answered.
func (c *Client) Receive() ([]byte, error) {
	var message []byte
	for {
		h, name, err := c.next(&message)
		switch {
		case err != nil:
			return nil, err
		case name != "":
		case !h.More():
			return message, nil
		}
	}
}

// Skip reads one message without keeping it.
func (c *Client) Skip() error {
	c.scratch = c.scratch[:0]
	for {
		h, name, err := c.next(&c.scratch)
		if err != nil || name == "" && !h.More() {
			return err
		}
	}
}

// frame reads one frame and throws away what it says; name is that of a command.
func (c *Client) frame() (h zmtp.Header, name string, err error) {
	var body []byte
	return c.next(&body)
}

// next reads a frame: a command's name, or a message's body behind the others.
func (c *Client) next(body *[]byte) (h zmtp.Header, name string, err error) {
	first, err := c.in.Peek(2)
	if err != nil {
		return h, "", err
	}
	size := 2
	if zmtp.Flags(first[0])&zmtp.Long != 0 {
		size = zmtp.MaxHeader
	}
	header, err := c.in.Peek(size)
	if err != nil {
		return h, "", err
	}
	if h, err = zmtp.ParseHeader(header); err != nil {
		return h, "", err
	}
	_, _ = c.in.Discard(size) // was peeked
	at := len(*body)
	*body = slices.Grow(*body, int(h.Size))[:at+int(h.Size)]
	if _, err := io.ReadFull(c.in, (*body)[at:]); err != nil || !h.Command() {
		return h, "", err
	}
	command, data, err := zmtp.ParseCommand((*body)[at:])
	if err != nil {
		return h, "", err
	}
	*body = (*body)[:at]
	if string(command) == zmtp.PingCommand {
		_, context, err := zmtp.ParsePing(data)
		if err != nil {
			return h, "", err
		}
		_, err = c.Write(zmtp.AppendPong(nil, context))
		return h, zmtp.PingCommand, err
	}
	return h, string(command), nil
}

// Greeting is the 64 bytes that every peer says first.
func Greeting() []byte {
	return zmtp.AppendGreeting(nil, zmtp.Greeting{Major: 3, Minor: 1, Mechanism: "NULL"})
}

// Ready is the READY command of a socket type.
func Ready(kind zmtp.SocketType) []byte {
	return zmtp.AppendCommand(nil, zmtp.ReadyCommand, zmtp.AppendMetadata(nil, zmtp.Metadata{
		{Name: zmtp.SocketTypeProperty, Value: []byte(kind)},
	}))
}

// shake connects and shakes hands.
func shake(endpoint string, kind zmtp.SocketType, credentials *curve.Credentials) (*Client, error) {
	conn, err := Connect(endpoint)
	if err != nil {
		return nil, err
	}
	c := &Client{Conn: conn}
	if credentials == nil {
		c.in = bufio.NewReaderSize(conn, 256<<10)
		err = c.shake(kind)
	} else {
		err = c.seal(kind, *credentials)
	}
	if err != nil {
		_ = conn.Close() // the handshake's error is the one to tell
		return nil, fmt.Errorf("shake hands with %s: %w", endpoint, err)
	}
	return c, nil
}

func (c *Client) seal(kind zmtp.SocketType, credentials curve.Credentials) error {
	sealed, err := Seal(c.Conn, kind, credentials)
	if err != nil {
		return err
	}
	c.Conn, c.in = sealed, bufio.NewReaderSize(sealed, 256<<10)
	return nil
}

func (c *Client) shake(kind zmtp.SocketType) error {
	if err := c.SetDeadline(time.Now().Add(Patience)); err != nil {
		return err
	}
	if _, err := c.Write(append(Greeting(), Ready(kind)...)); err != nil {
		return err
	}
	var greeting [zmtp.GreetingSize]byte
	if _, err := io.ReadFull(c.in, greeting[:]); err != nil {
		return err
	}
	_, name, err := c.frame()
	if err == nil && name != zmtp.ReadyCommand {
		err = fmt.Errorf("the forwarder said %q, not READY", name)
	}
	if err != nil {
		return err
	}
	return c.SetDeadline(time.Time{})
}
