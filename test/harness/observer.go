package harness

import (
	"bytes"
	"encoding/json"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Message is one message of the bus as an observer saw it.
type Message struct {
	At          time.Time
	Topic       string
	Action      string
	ServiceID   string
	ServiceName string
	Transaction string
	Status      map[string]any // of control
	Content     any
	Raw         []byte // the whole frame; nil of context info, which is long
}

// String is one line for a failed test.
func (m Message) String() string {
	s := fmt.Sprintf("%s %s %s", m.Topic, m.Action, m.ServiceID)
	if result, ok := m.Status["result"]; ok {
		s += fmt.Sprint(" ", result)
	}
	if reason, ok := m.Status["reason"]; ok {
		s += fmt.Sprint(" (", reason, ")")
	}
	return s
}

// Observer reads the bus as a subscriber of its own. Context info is counted and
// not kept.
type Observer struct {
	Infos atomic.Int64 // context infos seen

	t       testing.TB
	client  *Client
	arrived chan struct{} // capacity 1: something was read; sent and closed by read
	ended   sync.WaitGroup

	mu     sync.Mutex // guards unread
	unread []Message  // without a bound: a test reads it all
}

// Observe subscribes to prefixes and returns when that is in force.
func Observe(t testing.TB, p *Provider, topics ...string) *Observer {
	t.Helper()
	const hail = "harness.hail"
	c := Subscriber(t, p.Subscribe, append(topics, hail)...)
	greet(t, p, c, hail)
	o := &Observer{t: t, client: c, arrived: make(chan struct{}, 1)}
	o.ended.Go(o.read) // ends with the connection
	t.Cleanup(func() {
		_ = c.Close()
		o.ended.Wait()
	})
	return o
}

// greet says a word of its own until it is heard: the subscriptions before it are
// in force then.
func greet(t testing.TB, p *Provider, c *Client, topic string) {
	t.Helper()
	pub := Publisher(t, p.Publish)
	defer pub.Close()
	heard := make(chan error, 1)
	go func() { // ends with the first message, or with the connection
		for {
			frame, err := c.Receive()
			if err != nil || bytes.HasPrefix(frame, []byte(topic)) {
				heard <- err
				return
			}
		}
	}()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	timeout := time.After(Patience)
	for {
		if err := pub.Send([]byte(topic + " @@@ {}")); err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-heard:
			if err != nil {
				t.Fatal(err)
			}
			return
		case <-tick.C:
		case <-timeout:
			t.Fatal("nothing that was published came back")
		}
	}
}

func (o *Observer) read() {
	defer close(o.arrived)
	for {
		frame, err := o.client.Receive()
		if err != nil {
			return
		}
		at := time.Now()
		if bytes.HasPrefix(frame, []byte("harness.")) {
			continue
		}
		m := Parse(frame)
		m.At = at
		if m.Status["device_action"] == "context_info" {
			o.Infos.Add(1)
			continue
		}
		o.mu.Lock()
		o.unread = append(o.unread, m)
		o.mu.Unlock()
		select {
		case o.arrived <- struct{}{}:
		default:
		}
	}
}

// longInfo is the length from which a control message is taken for context info
// without a look at its megabytes.
const longInfo = 64 << 10

// longest is the length of what is taken apart at all.
const longest = 1 << 20

// Parse takes a frame apart, as far as it can be.
func Parse(frame []byte) Message {
	topic, payload, found := bytes.Cut(frame, []byte("@@@"))
	m := Message{Topic: string(bytes.TrimSpace(topic)), Raw: frame}
	if !found {
		return m
	}
	switch {
	case m.Topic == "control" && len(frame) > longInfo:
		return Message{Topic: m.Topic, Status: map[string]any{"device_action": "context_info"}}
	case len(frame) > longest:
		return m
	}
	var body struct {
		Header  map[string]any `json:"header"`
		Content any            `json:"content"`
		Task    struct {
			Message struct {
				Header map[string]any `json:"header"`
			} `json:"message"`
		} `json:"Task"`
	}
	if json.Unmarshal(payload, &body) != nil {
		return m
	}
	header := body.Header
	if header == nil {
		header = body.Task.Message.Header
	}
	m.Action, _ = header["action"].(string)
	m.ServiceID, _ = header["service_id"].(string)
	m.ServiceName, _ = header["service_name"].(string)
	m.Transaction, _ = header["service_transaction"].(string)
	if m.Transaction == "" {
		m.Transaction, _ = header["transaction"].(string)
	}
	m.Content = body.Content
	if content, ok := body.Content.(map[string]any); ok {
		m.Status, _ = content["status"].(map[string]any)
	}
	return m
}

// Until gives all messages up to and with the first that is the last; it fails the
// test when that does not come within Patience.
func (o *Observer) Until(what string, last func(Message) bool) []Message {
	o.t.Helper()
	var seen []Message
	timeout := time.NewTimer(Patience)
	defer timeout.Stop()
	for {
		if next := o.take(1); len(next) > 0 {
			seen = append(seen, next[0])
			if last(next[0]) {
				return seen
			}
			continue
		}
		select {
		case _, ok := <-o.arrived:
			if !ok && !o.waiting() {
				o.t.Fatalf("the bus was gone before %s; saw %d messages, the last %v", what, len(seen), end(seen))
			}
		case <-timeout.C:
			o.t.Fatalf("no %s within %v; saw %d messages, the last %v", what, Patience, len(seen), end(seen))
		}
	}
}

// Waiting gives what has come and was not looked at.
func (o *Observer) Waiting() []Message { return o.take(-1) }

// Rest gives everything until the forwarder has closed the connection.
func (o *Observer) Rest() []Message {
	o.t.Helper()
	timeout := time.NewTimer(Patience)
	defer timeout.Stop()
	for {
		select {
		case _, ok := <-o.arrived:
			if !ok {
				return o.take(-1)
			}
		case <-timeout.C:
			o.t.Fatalf("the bus has not ended within %v", Patience)
		}
	}
}

// take takes up to n unread messages; -1 is all.
func (o *Observer) take(n int) []Message {
	o.mu.Lock()
	defer o.mu.Unlock()
	if n < 0 || n > len(o.unread) {
		n = len(o.unread)
	}
	taken := o.unread[:n:n]
	o.unread = o.unread[n:]
	return taken
}

func (o *Observer) waiting() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.unread) > 0
}

// end is the last few, for a failure.
func end(m []Message) []Message { return m[max(0, len(m)-5):] }
