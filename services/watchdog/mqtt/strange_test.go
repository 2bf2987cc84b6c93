package mqtt

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"

	"zmicroservices/services/watchdog/hub"
	"zmicroservices/test/harness"
)

// strange is a broker that answers a subscription as a test wants it, and nothing else.
func strange(t *testing.T, answer func(*packets.SubscribePacket) []byte) Broker {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { // ends with the listener
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			serve(conn, answer)
		}
	}()
	t.Cleanup(func() {
		l.Close()
		<-done
	})
	return Broker{URL: "mqtt://" + l.Addr().String(), QoS: 1}
}

func serve(conn net.Conn, answer func(*packets.SubscribePacket) []byte) {
	defer conn.Close()
	for {
		p, err := packets.ReadPacket(conn)
		if err != nil {
			return
		}
		var reply packets.ControlPacket
		switch p := p.(type) {
		case *packets.ConnectPacket:
			reply = packets.NewControlPacket(packets.Connack)
		case *packets.SubscribePacket:
			suback := packets.NewControlPacket(packets.Suback).(*packets.SubackPacket)
			suback.MessageID, suback.ReturnCodes = p.MessageID, answer(p)
			if suback.ReturnCodes == nil {
				continue
			}
			reply = suback
		case *packets.PublishPacket:
			puback := packets.NewControlPacket(packets.Puback).(*packets.PubackPacket)
			puback.MessageID = p.MessageID
			reply = puback
		default:
			return
		}
		if err := reply.Write(conn); err != nil {
			return
		}
	}
}

func TestABrokerMayDenyTopics(t *testing.T) {
	deny := func(denied func(string) bool) func(*packets.SubscribePacket) []byte {
		return func(p *packets.SubscribePacket) (codes []byte) {
			for _, topic := range p.Topics {
				code := byte(1)
				if denied(topic) {
					code = 0x80
				}
				codes = append(codes, code)
			}
			return codes
		}
	}
	all := strange(t, deny(func(string) bool { return true }))
	if err := joins(t, all); !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), "every topic below hippodamia/ is denied to us") {
		t.Error(err)
	}
	some := strange(t, deny(func(topic string) bool { return strings.Contains(topic, "command") }))
	s := begin(t, nil, Options{Broker: some})
	if log := s.log.String(); !strings.Contains(log, "broker denied subscriptions") || !strings.Contains(log, "hippodamia/command/ping") || strings.Contains(log, "state/ping") {
		t.Error(log)
	}
}

// A code too many makes paho look for a topic that is not there.
func TestABrokerThatConfirmsTooMuchIsLeft(t *testing.T) {
	b := strange(t, func(p *packets.SubscribePacket) []byte { return slices.Repeat([]byte{1}, len(p.Topics)+1) })
	h := hub.New()
	g, err := New(Options{Broker: b, Bus: h.Join()})
	if err != nil {
		t.Fatal(err)
	}
	run(t, g)
	ctx, cancel := context.WithTimeout(t.Context(), harness.Patience)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for ; ctx.Err() == nil; <-tick.C {
		g.mu.Lock()
		trouble := g.trouble
		g.mu.Unlock()
		if trouble != nil {
			if !strings.Contains(trouble.Error(), "packet of type 9 with 12 bytes") {
				t.Error(trouble)
			}
			return
		}
	}
	t.Error("it is not left")
}

func TestTheEndIsNotHeldUpByABrokerThatIsMute(t *testing.T) {
	asked := make(chan struct{}, 100)
	b := strange(t, func(*packets.SubscribePacket) []byte { asked <- struct{}{}; return nil })
	g, err := New(Options{Broker: b, Bus: hub.New().Join()})
	if err != nil {
		t.Fatal(err)
	}
	stop := run(t, g)
	<-asked
	stop()
}
