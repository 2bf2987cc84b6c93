package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"zmicroservices/context/command"
	"zmicroservices/taskservice/message"
)

// A recording is JSON lines: a label, then the messages in the order in which they
// arrived. It is a contract; keys are added, never taken away.
//
//	{"recording":1,"context":"context001","version":"0.1.0","began":"2026-11-21T12:00:00Z","topics":["frames"]}
//	{"at":"2026-11-21T12:00:00.123456789Z","topic":"frames","frame":"frames @@@ {\"n\":1}"}
//	{"at":"2026-11-21T12:00:00.223456789Z","topic":"frames","base64":"ZnJhbWVzIEBAQCD/"}
//	{"at":"2026-11-21T12:00:00.323456789Z","topic":"two","frames":[{"frame":"two"},{"base64":"/w=="}]}

// tapeFormat is the number of the format that is written, and the newest that is read.
const tapeFormat = 1

// label is the first line of a recording.
type label struct {
	Recording int       `json:"recording"` // tapeFormat
	Context   string    `json:"context"`   // ContextID
	Version   string    `json:"version"`   // of the provider
	Began     time.Time `json:"began"`
	Topics    []string  `json:"topics"` // prefixes; none: all
}

// entry is a message of a recording.
type entry struct {
	At    time.Time `json:"at"` // of its arrival
	Topic string    `json:"topic"`
	part            // of a message of one frame
	Parts []part    `json:"frames,omitempty"` // of one of several
}

// part is one frame: as text where it is UTF-8, else as base64.
type part struct {
	Text  *string `json:"frame,omitempty"`
	Bytes []byte  `json:"base64,omitempty"`
}

func partOf(frame []byte) part {
	if utf8.Valid(frame) {
		text := string(frame)
		return part{Text: &text}
	}
	return part{Bytes: frame}
}

func (p part) frame() ([]byte, error) {
	switch {
	case p.Text != nil && p.Bytes != nil:
		return nil, errors.New("a frame is text or base64, not both")
	case p.Text != nil:
		return []byte(*p.Text), nil
	case p.Bytes != nil:
		return p.Bytes, nil
	}
	return nil, errors.New("there is no frame")
}

func entryOf(m command.BusMessage) entry {
	e := entry{At: m.At.UTC(), Topic: strings.ToValidUTF8(topicOf(m.Frames), "\uFFFD")}
	if len(m.Frames) == 1 {
		e.part = partOf(m.Frames[0])
		return e
	}
	for _, f := range m.Frames {
		e.Parts = append(e.Parts, partOf(f))
	}
	return e
}

// message is what an entry was made of.
func (e entry) message() (command.BusMessage, error) {
	m := command.BusMessage{At: e.At}
	parts := e.Parts
	if len(parts) == 0 {
		parts = []part{e.part}
	}
	for _, p := range parts {
		f, err := p.frame()
		if err != nil {
			return m, err
		}
		m.Frames = append(m.Frames, f)
	}
	if m.At.IsZero() {
		return m, errors.New("there is no time of arrival")
	}
	return m, nil
}

// topicOf is what comes before the separator of the first frame; without one that
// frame of several, or the first word of the only one.
func topicOf(frames [][]byte) string {
	topic, _, err := message.Split(frames[0])
	switch {
	case err == nil:
		return topic
	case len(frames) > 1:
		return string(frames[0])
	}
	word, _, _ := bytes.Cut(frames[0], []byte(" "))
	return string(word)
}

// readLabel reads the first line of a recording.
func readLabel(line []byte) (label, error) {
	var l label
	if err := json.Unmarshal(line, &l); err != nil || l.Recording == 0 {
		return l, errors.New("it is no recording of conf_command record: its first line does not say so")
	}
	if l.Recording > tapeFormat {
		return l, fmt.Errorf("it is of format %d, and this program reads up to %d: take a newer one", l.Recording, tapeFormat)
	}
	return l, nil
}

// readEntry reads another line.
func readEntry(line []byte) (command.BusMessage, error) {
	var e entry
	if err := json.Unmarshal(line, &e); err != nil {
		return command.BusMessage{}, err
	}
	return e.message()
}
