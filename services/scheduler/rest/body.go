package rest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"zmicroservices/services/scheduler/peer"
)

// longestCall is the most bytes that the body of a call may have.
const longestCall = 4 << 10

// decodeCall reads the body of a call, and takes nothing that it does not know: names in
// another case, names that come twice, values that are no text, anything behind it.
func decodeCall(body []byte) (peer.Call, error) {
	d := json.NewDecoder(bytes.NewReader(body))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return peer.Call{}, errors.New(`body is no JSON object: wanted is {"uuid": "…", "ip": "…"}`)
	}
	values := map[string]string{}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return peer.Call{}, fmt.Errorf("body is no JSON: %w", err)
		}
		name, _ := t.(string)
		if name != "uuid" && name != "ip" {
			return peer.Call{}, fmt.Errorf("field %.64q is unknown: there are uuid and ip", name)
		}
		if _, twice := values[name]; twice {
			return peer.Call{}, fmt.Errorf("field %s comes twice", name)
		}
		var value any
		if err := d.Decode(&value); err != nil {
			return peer.Call{}, fmt.Errorf("field %s is no JSON: %w", name, err)
		}
		text, is := value.(string)
		if !is {
			return peer.Call{}, fmt.Errorf("field %s is no text", name)
		}
		values[name] = text
	}
	if _, err := d.Token(); err != nil {
		return peer.Call{}, errors.New("body is no JSON: it ends too early")
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return peer.Call{}, errors.New("body has more behind its end")
	}
	return callOf(values)
}

func callOf(values map[string]string) (c peer.Call, err error) {
	id, is := values["uuid"]
	if !is {
		return c, errors.New("field uuid is missing")
	}
	if c.UUID, err = peer.ParseUUID(id); err != nil {
		return c, err
	}
	if ip, is := values["ip"]; is {
		c.IP, err = peer.ParseAddress(ip)
	}
	return c, err
}

// answer is the body of an answer to POST /sync, as we write it.
type answer struct {
	UUID      string       `json:"uuid"`
	IP        peer.Address `json:"ip"`
	Consumers []peer.Peer  `json:"consumers"`
}

// decodeAnswer reads what it understands of the answer of a peer of any make. A peer that
// says nothing was reached all the same.
func decodeAnswer(body []byte, most int) peer.Answer {
	var raw struct {
		UUID      json.RawMessage `json:"uuid"`
		IP        json.RawMessage `json:"ip"`
		Consumers json.RawMessage `json:"consumers"`
	}
	if json.Unmarshal(body, &raw) != nil {
		return peer.Answer{}
	}
	var a peer.Answer
	if id, err := peer.ParseUUID(text(raw.UUID)); err == nil {
		a.UUID = id
	}
	if at, err := peer.ParseAddress(text(raw.IP)); err == nil {
		a.IP = at
	}
	var consumers []map[string]json.RawMessage
	if json.Unmarshal(raw.Consumers, &consumers) != nil {
		return a
	}
	for _, c := range consumers[:min(most, len(consumers))] {
		id, err1 := peer.ParseUUID(text(c["uuid"]))
		at, err2 := peer.ParseAddress(text(c["ip"]))
		seen, err3 := seenOf(c["last_seen"])
		if errors.Join(err1, err2, err3) == nil {
			a.Consumers = append(a.Consumers, peer.Peer{UUID: id, IP: at, LastSeen: seen})
		}
	}
	return a
}

// text is a JSON text, "" if it is none.
func text(raw json.RawMessage) (s string) {
	_ = json.Unmarshal(raw, &s) // "" is what a caller takes for none
	return s
}

// seenOf is a last_seen as a text or as a number of seconds.
func seenOf(raw json.RawMessage) (time.Time, error) {
	var seconds float64
	if json.Unmarshal(raw, &seconds) == nil {
		return peer.ParseSeen(strconv.FormatFloat(seconds, 'f', -1, 64))
	}
	return peer.ParseSeen(text(raw))
}
