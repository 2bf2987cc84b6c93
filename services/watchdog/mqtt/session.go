package mqtt

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"net"
	"net/url"
	"slices"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"
)

// The pauses between attempts to connect, doubled from first to longest. A session that
// lived for steady begins anew; a shorter one may be that of two with one client id, who
// would throw each other out for ever without a pause.
const (
	firstPause   = 250 * time.Millisecond
	longestPause = 30 * time.Second
	steady       = 10 * time.Second
)

// farewell bounds what is still said when we end.
const farewell = 2 * time.Second

// connect keeps a session with the broker.
func (g *Gateway) connect(ctx context.Context) {
	pause := firstPause
	for ctx.Err() == nil {
		began := time.Now()
		joined, err := g.session(ctx)
		if ctx.Err() != nil {
			return
		}
		g.fail(err, joined)
		if joined && time.Since(began) > steady {
			pause = firstPause
		}
		timer := time.NewTimer(pause - mathrand.N(pause/2))
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
		pause = min(2*pause, longestPause)
	}
}

// fail tells why there is no session, once while the reason stays.
func (g *Gateway) fail(err error, joined bool) {
	g.mu.Lock()
	news := joined || g.trouble == nil || g.trouble.Error() != err.Error()
	g.trouble = err
	g.mu.Unlock()
	if errors.Is(err, ErrRefused) {
		select {
		case g.refused <- err:
		default:
		}
	}
	switch {
	case joined:
		g.log.Warn("connection to broker was lost: it is tried again", "err", err)
	case news:
		g.log.Warn("broker was not reached: it is tried again", "err", err)
	}
}

// session is one connection to the broker, from attempt to end. joined says whether we
// were subscribed in between. It ends orderly with ctx, else with an error.
func (g *Gateway) session(ctx context.Context) (joined bool, err error) {
	lost := make(chan error, 1) // sent by paho, once
	client, err := g.open(ctx, lost)
	if err != nil {
		return false, judge(err)
	}
	defer client.Disconnect(100) // ms for what is being written
	if err := g.subscribe(ctx, client, lost); err != nil {
		return false, judge(err)
	}
	g.count.connections.Add(1)
	g.count.connected.Store(true)
	defer g.count.connected.Store(false)
	g.log.Info("broker is connected", "status_topic", g.status)
	select {
	case <-g.ready:
	default:
		close(g.ready)
	}
	hard, kill := context.WithCancel(context.Background()) // ends farewell after ctx
	defer kill()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(farewell, kill) })()
	for {
		if err := g.send(hard, client, lost); err != nil {
			return true, judge(err)
		}
		select {
		case <-g.toBroker.more:
		case err := <-lost:
			return true, judge(err)
		case <-ctx.Done():
			return true, g.goodbye(hard, client, lost)
		}
	}
}

// open connects; paho knows no context, but it stops when its connection is closed.
func (g *Gateway) open(ctx context.Context, lost chan<- error) (paho.Client, error) {
	password, err := g.broker.password()
	if err != nil {
		return nil, err
	}
	id := g.broker.ClientID
	if id == "" {
		id = "zms-" + rand.Text()[:16] // every broker takes 23 characters
	}
	gone := func() bool { return false } // says whether the attempt was over before it succeeded
	o := paho.NewClientOptions().
		AddBroker(g.broker.URL).
		SetProtocolVersion(4). // 3.1.1; a refusal is not tried again as 3.1
		SetClientID(id).SetCleanSession(g.broker.ClientID == "").
		SetAutoReconnect(false).SetConnectRetry(false).
		SetKeepAlive(g.broker.KeepAlive).SetPingTimeout(dialTime).SetConnectTimeout(dialTime).SetWriteTimeout(dialTime).
		SetBinaryWill(g.status, g.state("offline", "last-will"), 1, true).
		SetDefaultPublishHandler(func(_ paho.Client, m paho.Message) { g.heard(m.Topic(), m.Payload(), m.Retained()) }).
		SetConnectionLostHandler(func(_ paho.Client, err error) { lost <- err }).
		SetCustomOpenConnectionFn(func(*url.URL, paho.ClientOptions) (net.Conn, error) {
			conn, err := g.broker.dial(ctx, g.max)
			if err == nil {
				stop := context.AfterFunc(ctx, func() { conn.Close() })
				gone = func() bool { return !stop() }
			}
			return conn, err
		})
	if g.broker.User != "" {
		o.SetUsername(g.broker.User).SetPassword(password)
	}
	client := paho.NewClient(o)
	token := client.Connect()
	<-token.Done() // within dialTime twice, or as soon as ctx ends
	if err := token.Error(); err != nil {
		gone()
		return nil, err
	}
	if gone() {
		client.Disconnect(0)
		return nil, ctx.Err()
	}
	return client, nil
}

// subscribe asks for the topics that cross from there to here. A broker may deny some of
// them to us: what is left may still be of use, and what is missing is said.
func (g *Gateway) subscribe(ctx context.Context, client paho.Client, lost <-chan error) error {
	wanted := map[string]byte{}
	for topic := range g.routes.bus {
		wanted[topic] = byte(g.broker.QoS)
	}
	token, ok := client.SubscribeMultiple(wanted, nil).(*paho.SubscribeToken)
	if !ok {
		panic("mqtt: a subscription has a token of another kind")
	}
	err := awaited(ctx, token, lost)
	var denied []string
	for topic, code := range token.Result() {
		if code == 0x80 {
			denied = append(denied, topic)
		}
	}
	slices.Sort(denied)
	switch {
	case len(denied) == len(wanted):
		return refusal{fmt.Errorf("subscribe: every topic below %s is denied to us", g.routes.prefix)}
	case len(denied) > 0:
		g.log.Warn("broker denied subscriptions: nothing comes from there", "topics", denied)
	case err != nil:
		return fmt.Errorf("subscribe: %w", err)
	}
	return g.say(ctx, client, lost, g.state("online", ""))
}

// state is what our status topic says.
func (g *Gateway) state(state, reason string) []byte {
	text, err := json.Marshal(struct {
		State     string    `json:"state"`
		Reason    string    `json:"reason,omitempty"`
		Timestamp time.Time `json:"timestamp"`
	}{state, reason, time.Now().UTC()})
	if err != nil {
		panic("mqtt: two words and a time are no JSON: " + err.Error())
	}
	return text
}

// say retains a status, and waits until the broker has it.
func (g *Gateway) say(ctx context.Context, client paho.Client, lost <-chan error, text []byte) error {
	return awaited(ctx, client.Publish(g.status, 1, true, text), lost)
}

// awaited is the outcome of one order to the broker.
func awaited(ctx context.Context, token paho.Token, lost <-chan error) error {
	answered := time.NewTimer(dialTime)
	defer answered.Stop()
	select {
	case <-token.Done():
		if token.Error() == nil {
			return nil
		}
		// paho gives orders up just before it says why the connection was lost.
		answered.Reset(time.Second)
		select {
		case err := <-lost:
			return err
		case <-answered.C:
			return token.Error()
		}
	case err := <-lost:
		return err
	case <-answered.C:
		return errors.New("broker did not answer")
	case <-ctx.Done():
		return ctx.Err()
	}
}

// window is how many messages are on their way to the broker at once. Too few, and a
// distant broker is slow; what is unanswered when the connection breaks is sent again.
const window = 64

// send empties the queue of the broker. What the broker has not confirmed goes back.
func (g *Gateway) send(ctx context.Context, client paho.Client, lost <-chan error) error {
	for {
		notes := g.toBroker.take(window)
		if notes == nil {
			return nil
		}
		tokens := make([]paho.Token, len(notes))
		for i, n := range notes {
			tokens[i] = client.Publish(n.topic, byte(g.broker.QoS), false, n.payload)
		}
		for i, token := range tokens {
			if err := awaited(ctx, token, lost); err != nil {
				g.toBroker.giveBack(notes[i:])
				return fmt.Errorf("publish: %w", err)
			}
			g.count.toBroker.Add(1)
		}
	}
}

// goodbye hands over what waits, and our end, which the will would tell otherwise.
func (g *Gateway) goodbye(ctx context.Context, client paho.Client, lost <-chan error) error {
	if err := g.send(ctx, client, lost); err != nil {
		return err
	}
	return g.say(ctx, client, lost, g.state("offline", "shutdown"))
}
