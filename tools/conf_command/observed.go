package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"zmicroservices/taskservice/bus"
	"zmicroservices/taskservice/hippodamia"
	"zmicroservices/taskservice/message"
	"zmicroservices/tools/internal/access"
)

// observing are the options of the verbs that talk to a watchdog, and over it to the
// microservices that it observes.
type observing struct {
	options
	prefix string
}

const (
	// answerTime is how long microservices are waited for unless --timeout says otherwise.
	answerTime = 10 * time.Second
	// watchdogTime is how long a watchdog has to say anything at all.
	watchdogTime = 5 * time.Second
	// askAgain is when a question is put once more: a watchdog that joins the bus just
	// now has not heard the first.
	askAgain = time.Second
)

// register adds what all of them take.
func (o *observing) register(cmd *cobra.Command) {
	f := cmd.Flags()
	f.SortFlags = false
	o.registerFile(f)
	f.StringVar(&o.endpoint, "endpoint", "", "publish here (default: the file's BackendEndpoint)")
	f.StringVar(&o.listen, "listen_endpoint", "", "hear the answers here (default: the file's FrontEndEndpoint)")
	o.Proof.Register(f)
	f.DurationVar(&o.timeout, "timeout", answerTime, "how long to wait for answers; 0: for ever")
	o.registerPrefix(f)
	o.registerOutput(f)
	o.complete(cmd)
}

func (o *observing) registerPrefix(f *pflag.FlagSet) {
	f.StringVar(&o.prefix, "watch_prefix", "", "what the watchdog's topics begin with (default: hippodamia; also $ZMS_WATCH_PREFIX)")
}

// where are the addresses and topics of a watchdog, and the arguments that are left.
func (o *observing) where(args []string) (to busAddress, topics hippodamia.Topics, rest []string, err error) {
	if err = o.validate(); err != nil {
		return to, topics, nil, err
	}
	if topics, err = hippodamia.NewTopics(cmp.Or(o.prefix, os.Getenv("ZMS_WATCH_PREFIX"))); err != nil {
		return to, topics, nil, fmt.Errorf("--watch_prefix: %w", err)
	}
	to = busAddress{backend: o.endpoint, frontend: o.listen, proof: o.Proof}
	if to.backend != "" && to.frontend != "" {
		if o.contextFile == "" && len(args) > 0 && looksLikeFile(args[0]) {
			args = args[1:]
		}
		return to, topics, args, nil
	}
	file, rest, err := o.load(args)
	if err != nil {
		return to, topics, nil, err
	}
	to.backend = cmp.Or(to.backend, file.BackendEndpoint)
	to.frontend = cmp.Or(to.frontend, file.FrontEndEndpoint)
	switch {
	case to.backend == "":
		err = fmt.Errorf("%s: there is no BackendEndpoint (--endpoint says where to publish)", file.File)
	case to.frontend == "":
		err = fmt.Errorf("%s: there is no FrontEndEndpoint (--listen_endpoint says where answers are heard)", file.File)
	}
	return to, topics, rest, err
}

// observed is a bus with a watchdog on it, as one sees it who asks.
type observed struct {
	w      world
	bus    *bus.Bus
	to     busAddress
	topics hippodamia.Topics
}

// join comes to the bus and subscribes to what the watchdog and its agents say.
func (o *observing) join(ctx context.Context, w world, to busAddress, topics hippodamia.Topics, prefixes ...string) (*observed, error) {
	b := bus.Options{Backend: to.backend, Frontend: to.frontend, Topics: prefixes}
	if err := to.proof.Into(&b); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, access.JoinTime)
	defer cancel()
	for _, endpoint := range []string{to.backend, to.frontend} {
		if err := access.Knock(ctx, endpoint); err != nil {
			return nil, err
		}
	}
	joined, err := bus.Dial(ctx, b)
	if err != nil {
		return nil, access.Unjoined(ctx, err)
	}
	return &observed{w, joined, to, topics}, nil
}

// leave lets what was said last be read.
func (o *observed) leave() {
	ctx, cancel := context.WithTimeout(context.Background(), lastWords)
	defer cancel()
	_ = o.bus.Close(ctx) // a question that nobody has read has been told as unanswered
}

// say publishes a message of the watchdog's protocol.
func say[M hippodamia.Message](ctx context.Context, o *observed, topic string, m M) error {
	frame, err := hippodamia.Frame(topic, m)
	if err != nil {
		return failed("%w", err)
	}
	if err := o.bus.Publish(ctx, frame); err != nil {
		return failed("ask on %s: %w", topic, err)
	}
	return nil
}

// hear gives the next message until then, or context.DeadlineExceeded.
func (o *observed) hear(ctx context.Context, until time.Time) (topic string, payload []byte, err error) {
	if !until.IsZero() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, until)
		defer cancel()
	}
	for {
		frame, err := o.bus.Receive(ctx)
		if err != nil {
			return "", nil, err
		}
		if topic, payload, err := message.Split(frame); err == nil {
			return topic, payload, nil
		}
	}
}

// census is what a watchdog knows, at a time by its clock.
type census struct {
	at       time.Time
	services []hippodamia.Service // by name, host and gid
}

// census asks the watchdog. One that says nothing within the time is not there.
func (o *observed) census(ctx context.Context, limit time.Duration) (census, error) {
	if limit == 0 || limit > watchdogTime {
		limit = watchdogTime
	}
	end := time.Now().Add(limit)
	q := hippodamia.Query{RequestID: o.w.requestID(), Timestamp: time.Now().UTC()}
	found := map[string]hippodamia.Service{} // by gid: a question put twice has two answers
	var again time.Time
	for {
		if now := time.Now(); !now.Before(again) {
			again = now.Add(askAgain)
			if err := say(ctx, o, o.topics.Query(), q); err != nil {
				return census{}, err
			}
		}
		until := again
		if end.Before(until) {
			until = end
		}
		topic, payload, err := o.hear(ctx, until)
		switch {
		case ctx.Err() != nil:
			return census{}, failed("interrupted")
		case errors.Is(err, context.DeadlineExceeded) && time.Now().Before(end):
			continue
		case errors.Is(err, context.DeadlineExceeded):
			return census{}, nobody("no watchdog answers on %s within %s (task service Watchdog; --watch_prefix is %q)%s",
				o.to.frontend, limit, strings.TrimSuffix(o.topics.Prefix(), "."), o.to.proof.Unheard())
		case err != nil:
			return census{}, failed("hear the watchdog: %w", err)
		case topic != o.topics.Reply():
			continue
		}
		reply, err := hippodamia.Parse[hippodamia.Services](payload)
		if err != nil || reply.RequestID != q.RequestID {
			continue // to somebody else, or no answer at all
		}
		for _, s := range reply.Services {
			found[s.GID] = s
		}
		if !reply.More {
			return censusOf(reply.Timestamp, found), nil
		}
		end = time.Now().Add(limit) // it is there, and has more to say
	}
}

func censusOf(at time.Time, found map[string]hippodamia.Service) census {
	c := census{at: at, services: make([]hippodamia.Service, 0, len(found))}
	for _, s := range found {
		c.services = append(c.services, s)
	}
	slices.SortFunc(c.services, func(a, b hippodamia.Service) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Host, b.Host), strings.Compare(a.ConfigID, b.ConfigID), strings.Compare(a.GID, b.GID))
	})
	return c
}
