package mqtt

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"

	"zmicroservices/taskservice/hippodamia"
)

// translate gives a payload as it goes on, and as it is on our bus, by which a message is
// known again on either side. It refuses what is no JSON object, and an onboarding
// request whose response would go elsewhere than to an agent.
//
// What else a message has to have is the watchdog's to say: it keeps what it rejects.
func (r routes) translate(k kind, payload []byte, way direction) (out, ours []byte, err error) {
	if k == kindContact {
		return r.translateContact(payload, way)
	}
	switch {
	case !bytes.HasPrefix(bytes.TrimLeft(payload, " \t\r\n"), []byte("{")):
		return nil, nil, errors.New("is no JSON object")
	case !utf8.Valid(payload):
		return nil, nil, errors.New("is not UTF-8")
	case !json.Valid(payload):
		return nil, nil, errors.New("is no JSON")
	}
	return payload, payload, nil
}

// translateContact writes the request anew from what was read of it. Changing the one
// value in the text would leave room for a second one, spelled "Topic", that a reader
// may prefer.
func (r routes) translateContact(payload []byte, way direction) (out, ours []byte, err error) {
	request, err := hippodamia.Parse[hippodamia.OnboardingRequest](payload)
	if err != nil {
		return nil, nil, err
	}
	uuid, ok := r.individual(request.Topic)
	if !ok {
		return nil, nil, fmt.Errorf("topic: %q is none below %s or %suuid/", request.Topic, r.topics.Individual(""), r.prefix)
	}
	request.Topic = r.topics.Individual(uuid)
	if ours, err = json.Marshal(request); err != nil {
		return nil, nil, fmt.Errorf("encode onboarding request: %w", err)
	}
	if way == toBus {
		return ours, ours, nil
	}
	request.Topic = slashed(request.Topic)
	if out, err = json.Marshal(request); err != nil {
		return nil, nil, fmt.Errorf("encode onboarding request: %w", err)
	}
	return out, ours, nil
}
