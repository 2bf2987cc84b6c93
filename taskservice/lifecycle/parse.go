package lifecycle

import (
	"encoding/json"
	"errors"
	"fmt"
)

// envelope is a CloudEvent of version 1.0 as far as we read it (CloudEvents JSON
// format 1.0.2, 3.1).
type envelope struct {
	SpecVersion string          `json:"specversion"`
	Source      string          `json:"source"`
	Data        json.RawMessage `json:"data"`
	Base64      []byte          `json:"data_base64"`
}

// cloudSource is the source of CloudEvents that carry ours.
const cloudSource = "io.choria.lifecycle"

// document holds the keys of all types.
type document struct {
	Protocol   string `json:"protocol"`
	ID         string `json:"id"`
	Identity   string `json:"identity"`
	Component  string `json:"component"`
	Timestamp  int64  `json:"timestamp"`
	Version    string `json:"version"`
	NewVersion string `json:"new_version"`
}

// NewFromJSON reads an event, of either form of the protocol field or as the data of
// a CloudEvent. Keys that its type does not have are passed over.
func NewFromJSON(data []byte) (*Event, error) {
	e, err := parse(data)
	if err != nil {
		return nil, fmt.Errorf("read life cycle event: %w", err)
	}
	return e, nil
}

func parse(data []byte) (*Event, error) {
	var form struct {
		Protocol *string `json:"protocol"`
		envelope
	}
	if err := json.Unmarshal(data, &form); err != nil {
		return nil, err
	}
	switch {
	case form.Protocol != nil:
		return parseDocument(data)
	case form.SpecVersion == "":
		return nil, errors.New("it has no protocol")
	case form.SpecVersion != "1.0":
		return nil, fmt.Errorf("a CloudEvent of version %q; 1.0 is read", form.SpecVersion)
	case form.Source != cloudSource:
		return nil, fmt.Errorf("a CloudEvent from %q; %s is read", form.Source, cloudSource)
	case form.Data != nil:
		return parseDocument(form.Data)
	case form.Base64 != nil:
		return parseDocument(form.Base64)
	}
	return nil, errors.New("a CloudEvent without data")
}

func parseDocument(data []byte) (*Event, error) {
	var d document
	if err := json.Unmarshal(data, &d); err != nil {
		return nil, err
	}
	t, err := typeOfProtocol(d.Protocol)
	if err != nil {
		return nil, err
	}
	e := &Event{kind: t, id: d.ID, timestamp: d.Timestamp}
	for _, o := range []Option{Identity(d.Identity), Component(d.Component), Version(d.Version), NewVersion(d.NewVersion)} {
		o(e)
	}
	switch {
	case e.identity == "":
		return nil, fmt.Errorf("%s event has no identity", t)
	case e.component == "":
		return nil, fmt.Errorf("%s event has no component", t)
	}
	return e, nil
}
