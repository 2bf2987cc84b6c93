package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"zmicroservices/taskservice/bus"
	"zmicroservices/taskservice/message"
	"zmicroservices/tools/internal/access"
)

// watching are the options of watch.
type watching struct {
	options
	endpoints []string
	duration  time.Duration
	verbose   bool
	peer      peerOptions
	nats      natsOptions
}

func newWatch(w world) *cobra.Command {
	var o watching
	cmd := &cobra.Command{
		Use:   "watch [CONTEXT.xml] [topic...] | watch --peer HOST [CONTEXT.xml] [topic...] | watch --nats URL [topic...]",
		Short: "Follow the bus",
		Long: `Print the messages of a context's bus, one a line, until interrupted. Topics
are prefixes, as everywhere in ZeroMQ: "choria.lifecycle" is all of its events.
With --endpoint no file is needed, and more than one bus can be followed.

With --peer it is the bus of a context of another host, which the Scheduler of the
file, or at --scheduler, knows.

With --nats those of all hosts are followed whose bridges are there: control and
life cycle events, or the topics that are named, each with all below it.`,
		Example: `  conf_command watch conf/Context-EchoAction.xml
  conf_command watch --endpoint tcp://127.0.0.1:5556 control process
  conf_command watch conf/Context-EchoAction.xml -o json --for 10s
  conf_command watch --peer edge1 conf/Context-Peers.xml control
  conf_command watch --nats nats://127.0.0.1:4222`,
		RunE: func(cmd *cobra.Command, args []string) error { return runWatch(cmd.Context(), w, o, args) },
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
			return []cobra.Completion{"xml"}, cobra.ShellCompDirectiveFilterFileExt
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	o.registerFile(f)
	f.StringArrayVar(&o.endpoints, "endpoint", nil, "listen here; may be repeated (default: the file's FrontEndEndpoint)")
	o.Proof.Register(f)
	o.registerTransaction(f)
	f.Lookup("transaction").Usage = "only messages of this transaction"
	f.DurationVar(&o.duration, "for", 0, "end after this time; 0: when interrupted")
	f.BoolVarP(&o.verbose, "verbose", "v", false, "context_info in full")
	o.registerOutput(f)
	o.peer.register(f)
	o.nats.register(f)
	o.complete(cmd)
	return cmd
}

func runWatch(ctx context.Context, w world, o watching, args []string) error {
	if err := o.validate(); err != nil {
		return err
	}
	if err := o.peer.check(o.options, o.nats); err != nil {
		return err
	}
	if o.nats.asked() {
		return runWatchAll(ctx, w, o, args)
	}
	endpoints, topics, err := o.where(ctx, args)
	if err != nil {
		return err
	}
	if len(topics) == 0 {
		topics = []string{""}
	}
	return follow(ctx, w, o, endpoints, topics)
}

// where tells endpoints from topics: with --endpoint all arguments are topics,
// unless the first is a file.
func (o watching) where(ctx context.Context, args []string) (endpoints, topics []string, err error) {
	switch {
	case o.peer.asked() && len(o.endpoints) > 0:
		return nil, nil, errors.New("--peer knows the endpoint; without it --endpoint names one")
	case o.peer.asked():
		f, topics, err := o.peer.find(ctx, o.options, args)
		return []string{f.frontend}, topics, err
	}
	if len(o.endpoints) > 0 {
		if len(args) > 0 && looksLikeFile(args[0]) {
			args = args[1:]
		}
		return o.endpoints, args, nil
	}
	path, topics := o.split(args, os.Getenv)
	if path == "" {
		return nil, nil, errors.New("nothing to follow: name a Context file or --endpoint")
	}
	endpoint, err := access.FrontEnd(path)
	if err != nil {
		return nil, nil, err
	}
	return []string{endpoint}, topics, nil
}

// sighting is a message that was seen, and where.
type sighting struct {
	at       time.Time
	endpoint string
	frame    []byte
}

// follow prints what comes until ctx ends or the time is over, which is no error.
func follow(ctx context.Context, w world, o watching, endpoints, topics []string) error {
	// Sent by one goroutine an endpoint, received here, never closed. Without
	// capacity: the bus queues, and it counts what it drops.
	sightings := make(chan sighting)
	ctx, stop := context.WithCancel(ctx)
	var readers sync.WaitGroup
	defer readers.Wait()
	defer stop()
	for _, endpoint := range endpoints {
		b, err := access.Listen(ctx, o.Proof, endpoint, topics)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			return err
		}
		fmt.Fprintf(w.err, "watching %s\n", endpoint)
		// Ends with ctx, which ends with follow.
		readers.Go(func() { pass(ctx, b, endpoint, sightings) })
	}
	var over <-chan time.Time
	if o.duration > 0 { // counted from here: joining is not watching
		over = time.After(o.duration)
	}
	for {
		select {
		case s := <-sightings:
			if err := o.show(w, s); err != nil {
				return written(err)
			}
		case <-over:
			return nil
		case <-ctx.Done():
			return nil
		}
	}
}

func pass(ctx context.Context, b *bus.Bus, endpoint string, to chan<- sighting) {
	defer b.Close(context.Background()) // nothing to drain: it only listens
	for {
		frame, err := b.Receive(ctx)
		if err != nil {
			return
		}
		select {
		case to <- sighting{time.Now(), endpoint, frame}:
		case <-ctx.Done():
			return
		}
	}
}

// seen is a message as JSON, one a line; a contract.
type seen struct {
	At       time.Time       `json:"at"`
	Endpoint string          `json:"endpoint"`
	Topic    string          `json:"topic"`
	Message  json.RawMessage `json:"message,omitempty"`
	Text     string          `json:"text,omitempty"` // of what is not JSON
}

func (o watching) show(w world, s sighting) error {
	topic, payload, err := message.Split(s.frame)
	if err != nil {
		payload = s.frame
	}
	if o.transaction != "" && transactionIn(payload) != o.transaction {
		return nil
	}
	if o.json() {
		m := seen{At: s.at, Endpoint: s.endpoint, Topic: topic}
		if json.Valid(payload) {
			m.Message = payload
		} else {
			m.Text = string(bytes.ToValidUTF8(payload, []byte("\uFFFD")))
		}
		e := json.NewEncoder(w.out)
		e.SetEscapeHTML(false)
		return e.Encode(m)
	}
	text, good := line(topic, payload, o.verbose)
	colour := cyan
	if !good {
		colour = red
	}
	_, err = fmt.Fprintf(w.out, "%s [%s]: %s\n", s.at.Local().Format("15:04:05.000"), paint(printable(topic), colour, w.colour), text)
	return err
}
