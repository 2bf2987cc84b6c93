package message_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"zmicroservices/taskservice/message"
)

func seed(f *testing.F, payloadOnly bool) {
	for _, frame := range recorded(f, "*") {
		if payloadOnly {
			_, frame, _ = message.Split(frame)
		}
		if len(frame) <= 1200 { // minimising large ones is all that a run would do
			f.Add(frame)
		}
	}
}

// refused fails the fuzz run if an error is of another type than promised.
func refused(t *testing.T, err error) {
	var e *message.Error
	if !errors.As(err, &e) {
		t.Fatalf("%T: %v", err, err)
	}
}

func FuzzSplit(f *testing.F) {
	seed(f, false)
	f.Add([]byte("a@@@b@@@c"))
	f.Add([]byte("@@@"))
	f.Fuzz(func(t *testing.T, frame []byte) {
		topic, payload, err := message.Split(frame)
		if err != nil {
			refused(t, err)
			return
		}
		topic2, payload2, err := message.Split(message.Join(topic, payload))
		if err != nil || topic2 != topic || !bytes.Equal(payload2, payload) {
			t.Fatalf("%q, %q came back as %q, %q, %v", topic, payload, topic2, payload2, err)
		}
		if short := message.Topic(frame); short != "" && short != topic {
			t.Fatalf("Topic says %q, Split %q", short, topic)
		}
	})
}

func FuzzDecode(f *testing.F) {
	seed(f, true)
	f.Add([]byte(`{"a": [1e5, -0, "\ud800", "\u0000", {}, []], "a": null}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		value, err := message.Decode(payload)
		if err != nil {
			refused(t, err)
			return
		}
		for name, encode := range map[string]func(any) ([]byte, error){"Encode": message.Encode, "EncodeLine": message.EncodeLine} {
			b, err := encode(value)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			for _, c := range b {
				if c > '~' || c < ' ' && c != '\n' {
					t.Fatalf("%s wrote byte %#x", name, c)
				}
			}
			back, err := message.Decode(b)
			if err != nil {
				t.Fatalf("%s wrote %s: %v", name, b, err)
			}
			if diff := cmp.Diff(value, back); diff != "" {
				t.Fatalf("%s: %s", name, diff)
			}
		}
	})
}

func FuzzParseCommand(f *testing.F) {
	fuzzFrames(f, message.ParseCommand)
}

func FuzzParseControl(f *testing.F) {
	fuzzFrames(f, message.ParseControl)
}

func FuzzParseProcess(f *testing.F) {
	fuzzFrames(f, message.ParseProcess)
}

func FuzzParseState(f *testing.F) {
	fuzzFrames(f, message.ParseState)
}

// fuzzFrames holds that what parses is written, and that the second writing is
// the first: what we pass on does not change on its way.
func fuzzFrames[M interface{ Frame() ([]byte, error) }](f *testing.F, parse func([]byte) (M, error)) {
	seed(f, true)
	f.Fuzz(func(t *testing.T, payload []byte) {
		m, err := parse(payload)
		if err != nil {
			refused(t, err)
			return
		}
		first, err := m.Frame()
		if err != nil {
			t.Fatal(err)
		}
		second, err := again(first)
		if err != nil {
			t.Fatalf("%s: %v", first, err)
		}
		if !bytes.Equal(first, second) {
			t.Fatalf("%s became %s", first, second)
		}
	})
}
