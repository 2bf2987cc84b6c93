package message_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"zmicroservices/taskservice/message"
)

// recorded are frames of the original's own bus, as its conf_command, its
// context and its services sent them.
func recorded(t testing.TB, pattern string) map[string][]byte {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", "recorded", pattern+".frame"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no recorded frame %s: %v", pattern, err)
	}
	frames := map[string][]byte{}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		frames[filepath.Base(file)] = b
	}
	return frames
}

// again parses a frame by its topic and writes it anew.
func again(frame []byte) ([]byte, error) {
	topic, payload, err := message.Split(frame)
	if err != nil {
		return nil, err
	}
	var m interface{ Frame() ([]byte, error) }
	switch topic {
	case message.TopicContext:
		m, err = message.ParseCommand(payload)
	case message.TopicProcess:
		m, err = message.ParseProcess(payload)
	case message.TopicControl:
		m, err = message.ParseControl(payload)
	case message.TopicState:
		m, err = message.ParseState(payload)
	}
	if err != nil {
		return nil, err
	}
	return m.Frame()
}

func TestRecordedFramesAreWrittenAgainByteForByte(t *testing.T) {
	for _, topic := range []string{"context", "process", "control", "state"} {
		for name, frame := range recorded(t, topic+"-*") {
			t.Run(name, func(t *testing.T) {
				got, err := again(frame)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(string(frame), string(got)); diff != "" {
					t.Error(diff)
				}
			})
		}
	}
}

func TestTheRecordedMonitorLineIsWrittenAgainByteForByte(t *testing.T) {
	for name, frame := range recorded(t, "monitor") {
		topic, payload, err := message.Split(frame)
		if err != nil || topic != message.TopicMonitor {
			t.Fatalf("%s: topic %q, %v", name, topic, err)
		}
		d := json.NewDecoder(bytes.NewReader(payload))
		d.UseNumber()
		line, err := message.EncodeLine(inOrder(t, d))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(frame), string(message.Join(topic, line))); diff != "" {
			t.Error(diff)
		}
	}
}

// inOrder decodes a value with the order of its keys.
func inOrder(t *testing.T, d *json.Decoder) any {
	token, err := d.Token()
	if err != nil {
		t.Fatal(err)
	}
	switch token {
	case json.Delim('{'):
		object := message.Ordered{}
		for d.More() {
			key, err := d.Token()
			if err != nil {
				t.Fatal(err)
			}
			object = append(object, message.Pair{Key: key.(string), Value: inOrder(t, d)})
		}
		d.Token()
		return object
	case json.Delim('['):
		list := []any{}
		for d.More() {
			list = append(list, inOrder(t, d))
		}
		d.Token()
		return list
	}
	return token
}
