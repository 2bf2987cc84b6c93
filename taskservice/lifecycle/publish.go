package lifecycle

import (
	"encoding/json"
	"fmt"
)

// Publisher is a connection to publish on: Conn, or whatever a program has.
type Publisher interface {
	// PublishRaw publishes data on a topic. It may return before data has left; then
	// there is something to flush before the program exits.
	PublishRaw(topic string, data []byte) error
}

// PublishEvent publishes an event on its Target, as compact JSON.
func PublishEvent(e *Event, conn Publisher) error {
	topic, err := e.Target()
	if err != nil {
		return fmt.Errorf("publish event: %w", err)
	}
	data, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("publish %s event: %w", e.kind, err)
	}
	if err := conn.PublishRaw(topic, data); err != nil {
		return fmt.Errorf("publish %s event: %w", e.kind, err)
	}
	return nil
}
