package bridge

import (
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"zmicroservices/services/bridge/subject"
)

func TestStreams(t *testing.T) {
	server := startNATS(t, "")
	js, err := jetstream.New(server.client())
	if err != nil {
		t.Fatal(err)
	}
	var log lines
	ours := stream{defaultStream, time.Hour, 1 << 20, time.Minute, 1}
	ensure := func() ([]string, error) {
		return ours.ensure(t.Context(), js, slog.New(slog.NewTextHandler(&log, nil)))
	}
	// A site of Choria's has a stream of life cycle events: it is used as it is.
	_, err = js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "CHORIA_EVENTS", Subjects: []string{"choria.lifecycle.>"}, Duplicates: time.Second, MaxAge: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		names, err := ensure()
		slices.Sort(names)
		if err != nil || !slices.Equal(names, []string{"CHORIA_EVENTS", defaultStream}) {
			t.Fatalf("%q %v", names, err)
		}
	}
	if !log.has("forgets ids soon") {
		t.Error(&log)
	}
	s, err := js.Stream(t.Context(), defaultStream)
	if err != nil {
		t.Fatal(err)
	}
	c := s.CachedInfo().Config
	if !slices.Equal(c.Subjects, []string{subject.AllControl}) || c.MaxAge != time.Hour || c.MaxBytes != 1<<20 || c.Duplicates != time.Minute || c.Discard != jetstream.DiscardOld {
		t.Errorf("made was %+v", c)
	}
	// It is gone: ours takes what has none. The limits of a stream are its owner's.
	if err := js.DeleteStream(t.Context(), "CHORIA_EVENTS"); err != nil {
		t.Fatal(err)
	}
	ours.maxAge = 2 * time.Hour
	if names, err := ensure(); err != nil || !slices.Equal(names, []string{defaultStream}) {
		t.Fatalf("%q %v", names, err)
	}
	if s, err = js.Stream(t.Context(), defaultStream); err != nil {
		t.Fatal(err)
	}
	if c = s.CachedInfo().Config; !slices.Equal(c.Subjects, kept) || c.MaxAge != time.Hour {
		t.Errorf("it became %+v", c)
	}
	for name, config := range map[string]jetstream.StreamConfig{
		"acknowledges nothing": {NoAck: true},
		"the first who reads":  {Retention: jetstream.WorkQueuePolicy},
	} {
		if err := js.DeleteStream(t.Context(), defaultStream); err != nil {
			t.Fatal(err)
		}
		config.Name, config.Subjects = defaultStream, kept
		if _, err := js.CreateStream(t.Context(), config); err != nil {
			t.Fatal(err)
		}
		if _, err := ensure(); !errors.Is(err, errUnfit) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
