package main

import (
	"context"
	"errors"
	"os"

	"zmicroservices/context/command"
	"zmicroservices/context/event"
	"zmicroservices/services/monitor"
)

// measured is the Monitor's source: the provider, by its control socket.
type measured struct{}

// Follow implements monitor.Source.
func (measured) Follow(ctx context.Context, q monitor.Query, each func(frame []byte)) error {
	socket := os.Getenv("ZMS_CONTROL")
	if socket == "" {
		return errors.New("ZMS_CONTROL is missing: Monitor runs under a provider")
	}
	c, err := command.Dial(ctx, socket)
	if err != nil {
		return err
	}
	defer c.Close()
	return c.Monitor(ctx, command.MonitorQuery{
		Transaction: event.TransactionID(q.Transaction), Every: q.Every,
		Detail: command.Detail{Connections: q.Connections, OpenedFiles: q.OpenedFiles, MemoryMaps: q.MemoryMaps},
	}, func(frame []byte) error {
		each(frame)
		return nil
	})
}
