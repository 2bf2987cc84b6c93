package bridge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"zmicroservices/services/bridge/subject"
	"zmicroservices/taskservice/message"
)

// inward repeats on our bus what was said on others, below a prefix.
type inward struct {
	remote remote
	own    string // our host: what comes from it is not taken
	js     jetstream.JetStream
	shelf  *shelf
	memory *memory
	tide   *tide
	put    func(frame []byte) error // publishes on our bus
	taken  atomic.Uint64
	log    *slog.Logger
}

// keeps says whether one of the topics is kept by JetStream.
func (t topics) keeps() bool {
	return slices.ContainsFunc(t, isKept)
}

func isKept(topic string) bool {
	return topic == message.TopicControl || strings.HasPrefix(topic, subject.Lifecycle)
}

// subscribe listens to the topics that are not kept.
func (w *inward) subscribe(nc *nats.Conn) error {
	hosts := w.remote.hosts
	if len(hosts) == 0 {
		hosts = []string{""}
	}
	for _, topic := range w.remote.topics {
		if isKept(topic) {
			continue
		}
		for _, host := range hosts {
			of := subject.Hosts(host, topic)
			if below, is := strings.CutSuffix(topic, "."); is {
				of = subject.Hosts(host, below) + ".>"
			}
			if _, err := nc.Subscribe(of, w.fleeting); err != nil {
				return fmt.Errorf("subscribe to %s: %w", of, err)
			}
		}
	}
	return nil
}

// fleeting takes a message that is not kept. While our bus is away it is lost, as it is
// for every other subscriber of such a topic.
func (w *inward) fleeting(m *nats.Msg) {
	place, topic, err := subject.Parse(m.Subject)
	if err != nil || !w.wanted(place, topic) {
		return
	}
	if err := w.put(w.frame(place, topic, m.Header, m.Data)); err != nil {
		w.log.Debug("message of another host was not repeated", "topic", topic, "err", err)
		return
	}
	w.taken.Add(1)
}

func (w *inward) wanted(place subject.Place, topic string) bool {
	return place.Host != w.own && w.remote.topics.has(topic) && (len(w.remote.hosts) == 0 || slices.Contains(w.remote.hosts, place.Host))
}

// follow reads the streams on each link, until ctx ends. names are those of the streams
// at that moment.
func (w *inward) follow(ctx context.Context, names func() []string) {
	for {
		link, cancel, err := w.tide.wait(ctx)
		if err != nil {
			return
		}
		var readers sync.WaitGroup
		for _, name := range names() {
			readers.Go(func() { w.read(link, name) }) // ends with link
		}
		<-link.Done()
		readers.Wait()
		cancel()
	}
}

// read reads a stream until ctx ends.
func (w *inward) read(ctx context.Context, name string) {
	var p pauses
	said := ""
	for ctx.Err() == nil {
		err := w.attempt(ctx, name, p.reset)
		if ctx.Err() != nil {
			return
		}
		if text := err.Error(); text != said {
			said = text
			w.log.Warn("stream is not read: tried again until it is", "stream", name, "err", err)
		}
		p.wait(ctx)
	}
}

// errGap is a message that was lost between JetStream and us.
var errGap = errors.New("a message was lost on the way")

// attempt reads a stream from where we were, in its order, until something is wrong. The
// consumer is a nameless one that lives as long as we do: how far we are is in our own
// file, written when a message is on our bus, so nothing is ever redelivered out of order.
func (w *inward) attempt(ctx context.Context, name string, works func()) error {
	s, err := w.js.Stream(ctx, name)
	if err != nil {
		return fmt.Errorf("look at the stream: %w", err)
	}
	info := s.CachedInfo()
	made := info.Created.UnixNano()
	start, err := w.start(ctx, name, made, info.State)
	if err != nil {
		return err
	}
	consumer, err := s.CreateConsumer(ctx, jetstream.ConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: start, AckPolicy: jetstream.AckNonePolicy,
		InactiveThreshold: time.Minute, MemoryStorage: true, Replicas: 1,
	})
	if err != nil {
		return fmt.Errorf("read the stream: %w", err)
	}
	messages, err := consumer.Messages(jetstream.PullMaxMessages(256), jetstream.PullExpiry(10*time.Second), jetstream.PullHeartbeat(2*time.Second))
	if err != nil {
		return fmt.Errorf("read the stream: %w", err)
	}
	defer messages.Stop()
	defer context.AfterFunc(ctx, messages.Stop)()
	works()
	for number := uint64(1); ; number++ {
		m, err := messages.Next(jetstream.NextContext(ctx))
		if err != nil {
			return fmt.Errorf("read the stream: %w", err)
		}
		meta, err := m.Metadata()
		if err != nil {
			return fmt.Errorf("read the stream: %w", err)
		}
		if meta.Sequence.Consumer != number {
			return errGap
		}
		if err := w.take(ctx, name, m); err != nil {
			return err
		}
		w.shelf.advance(name, made, int64(meta.Sequence.Stream))
	}
}

// start is the number of the first message to read: the one after the last that we have;
// of a stream that was never read, the next to come.
func (w *inward) start(ctx context.Context, name string, made int64, state jetstream.StreamState) (uint64, error) {
	before, seq, known, err := w.shelf.progress(ctx, name)
	if err != nil {
		return 0, fmt.Errorf("ask how far the stream was read: %w", err)
	}
	next := uint64(seq) + 1
	switch {
	case !known:
		next = state.LastSeq + 1
		w.shelf.advance(name, made, int64(state.LastSeq))
	case before != made:
		w.log.Warn("stream is another than before: read from its beginning", "stream", name)
		next = 1
	case next > state.LastSeq+1:
		w.log.Warn("stream is shorter than it was: read from its end", "stream", name, "read", seq, "last", state.LastSeq)
		next = state.LastSeq + 1
	case next < state.FirstSeq:
		w.log.Warn("events were removed from the stream before they were read here", "stream", name, "events", state.FirstSeq-next)
	}
	return max(next, 1), nil
}

// take puts an event of another host, read from a stream, on our bus, once.
func (w *inward) take(ctx context.Context, stream string, m jetstream.Msg) error {
	place, topic, err := origin(m)
	if err != nil || !w.wanted(place, topic) {
		return nil // of somebody else's, which a stream may have as well
	}
	id, lane := m.Headers().Get(HeaderID), m.Headers().Get(HeaderLane)
	if !w.memory.isNew(stream, id, lane) {
		return nil
	}
	frame := w.frame(place, topic, m.Headers(), m.Data())
	var p pauses
	for {
		err := w.put(frame)
		if err == nil {
			break
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		p.wait(ctx)
	}
	w.memory.note(stream, id, lane)
	w.taken.Add(1)
	return nil
}

// origin is where and under which topic a kept event was said.
func origin(m jetstream.Msg) (subject.Place, string, error) {
	if !strings.HasPrefix(m.Subject(), subject.Lifecycle) {
		return subject.Parse(m.Subject())
	}
	topic, err := subject.ParseEvent(m.Subject())
	if err != nil {
		return subject.Place{}, "", err
	}
	place, err := subject.ParseSpelling(m.Headers().Get(HeaderOrigin))
	return place, topic, err
}

// envelope is a message of another host with where and when it was said.
type envelope struct {
	Host    string          `json:"host"`
	Context string          `json:"context"`
	Topic   string          `json:"topic"`
	At      string          `json:"at"`
	ID      string          `json:"id,omitempty"`
	Message json.RawMessage `json:"message,omitempty"`
	Text    string          `json:"text,omitempty"` // of what is not JSON
}

// frame is the message as it goes onto our bus.
func (w *inward) frame(place subject.Place, topic string, h nats.Header, payload []byte) []byte {
	local := place.Local(w.remote.prefix, topic)
	if !w.remote.envelope {
		return message.Join(local, payload)
	}
	e := envelope{Host: place.Host, Context: place.Context, Topic: topic, At: h.Get(HeaderTime), ID: h.Get(HeaderID)}
	if json.Valid(payload) {
		e.Message = payload
	} else {
		e.Text = string(payload)
	}
	text, err := json.Marshal(e)
	if err != nil {
		return message.Join(local, payload) // cannot be: all of it is text or valid JSON
	}
	return message.Join(local, text)
}
