package lifecycle_test

import (
	"context"
	"fmt"
	"os"

	"github.com/google/uuid"

	"zmicroservices/taskservice/bus"
	"zmicroservices/taskservice/lifecycle"
)

func panicIfErr(err error) {
	if err != nil {
		panic(err)
	}
}

// framework stands for what a program of Choria's has.
type framework struct{}

func (framework) NewRequestID() string { return uuid.NewString() }

// Emitting an event.
func ExamplePublishEvent() {
	emit := func(conn lifecycle.Publisher) {
		event, err := lifecycle.New(lifecycle.Startup, lifecycle.Identity("my.identity"), lifecycle.Component("my_app"), lifecycle.Version("0.0.1"))
		panicIfErr(err)

		// conn is a connector
		err = lifecycle.PublishEvent(event, conn)
		panicIfErr(err)
	}
	emit(printer{})
	// Output: choria.lifecycle.event.startup.my_app
}

// printer is a connector that prints topics.
type printer struct{}

func (printer) PublishRaw(topic string, _ []byte) error {
	_, err := fmt.Println(topic)
	return err
}

// Receiving events, as programs written for Choria do it.
func ExampleConn_QueueSubscribe() {
	var fw framework
	receive := func(ctx context.Context, conn *lifecycle.Conn) {
		events := make(chan *lifecycle.Message, 1000)

		// conn is a connection made by NewConn
		err := conn.QueueSubscribe(ctx, fw.NewRequestID(), "choria.lifecycle.event.startup.server", "", events)
		panicIfErr(err)

		for {
			select {
			case e := <-events:
				event, err := lifecycle.NewFromJSON(e.Data)
				if err != nil {
					continue
				}

				fmt.Printf("Received a startup from %s", event.Identity())
			case <-ctx.Done():
				return
			}
		}
	}
	_ = receive
}

// The same with a subscription, which reads and filters.
func ExampleSubscribe() {
	receive := func(ctx context.Context) error {
		b, err := bus.Dial(ctx, bus.Options{Frontend: os.Getenv("ZMS_FRONTEND")})
		if err != nil {
			return err
		}
		defer b.Close(ctx)
		s, err := lifecycle.Subscribe(ctx, b, lifecycle.Filter{Type: lifecycle.Startup, Component: "server"})
		if err != nil {
			return err
		}
		for {
			event, err := s.Next(ctx)
			if err != nil {
				return err
			}
			fmt.Printf("Received a startup from %s\n", event.Identity())
		}
	}
	_ = receive
}
