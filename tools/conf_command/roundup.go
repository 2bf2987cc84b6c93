package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"zmicroservices/taskservice/hippodamia"
)

// demand is something that microservices are asked for over the watchdog's topics.
type demand struct {
	verb, short, long string
	example           string
	topic             func(hippodamia.Topics) string                       // where it is asked for
	hears             func(hippodamia.Topics) []string                     // where the answers are
	read              func(*roundup, string, []byte) (gid string, msg any) // an answer; "" for what is none
	show              func(world, *roundup) error                          // the answers, as people want them
}

// roundup is a demand that was made, and what has come of it. Agents do not say which
// request they answer: whatever a microservice says of the wanted kind after the request
// was sent is its answer.
type roundup struct {
	demand
	topics  hippodamia.Topics
	at      time.Time // of the census, by the watchdog's clock
	asked   []hippodamia.Service
	began   time.Time
	answers map[string]reply  // by gid
	waiting map[string]bool   // gids
	contact map[string]string // of onboarding: by the uuid of a request since ours, whose it is
}

// reply is what a microservice answered, and how long that took.
type reply struct {
	after time.Duration
	msg   any // one of the messages of hippodamia
}

func newDemand(w world, d demand) *cobra.Command {
	var o observing
	cmd := &cobra.Command{
		Use:   d.verb + " CONTEXT.xml [gid|name...]",
		Short: d.short,
		Long: d.long + `

The watchdog is asked first whom it observes. Then those that are named are asked (by
gid, the beginning of one, name or configuration id), or all that are neither
terminated nor at their end; and waited for, until all have answered or the time is
over.

Exit codes: 1 somebody stayed silent; 3 no watchdog answers.`,
		Example: d.example,
		RunE:    func(cmd *cobra.Command, args []string) error { return runDemand(cmd.Context(), w, o, d, args) },
	}
	o.register(cmd)
	cmd.ValidArgsFunction = o.completeGIDs(w)
	return cmd
}

func runDemand(ctx context.Context, w world, o observing, d demand, args []string) error {
	to, topics, words, err := o.where(args)
	if err != nil {
		return err
	}
	b, err := o.join(ctx, w, to, topics, append(d.hears(topics), topics.Reply())...)
	if err != nil {
		return err
	}
	defer b.leave()
	c, err := b.census(ctx, o.timeout)
	if err != nil {
		return err
	}
	asked, err := c.choose(words)
	if err != nil {
		return err
	}
	r := &roundup{
		demand: d, topics: topics, at: c.at, asked: asked,
		answers: map[string]reply{}, waiting: map[string]bool{}, contact: map[string]string{},
	}
	for _, s := range asked {
		r.waiting[s.GID] = true
	}
	if err := r.ask(ctx, b, len(words) == 0); err != nil {
		return err
	}
	failure := r.gather(ctx, b, o.timeout)
	if o.json() {
		err = writeJSON(w.out, r.list())
	} else {
		err = r.show(w, r)
	}
	if err != nil {
		return written(err)
	}
	return failure
}

// ask makes the demand: of all at once, or of each that was named.
func (r *roundup) ask(ctx context.Context, b *observed, all bool) error {
	r.began = time.Now()
	c := hippodamia.Command{RequestID: b.w.requestID(), Timestamp: r.began.UTC()}
	switch {
	case len(r.asked) == 0:
		fmt.Fprintln(b.w.err, "there is nobody to ask: the watchdog observes no microservice that lives")
		return nil
	case all:
		return say(ctx, b, r.topic(r.topics), c)
	}
	for _, s := range r.asked {
		c.GID = s.GID
		if err := say(ctx, b, r.topic(r.topics), c); err != nil {
			return err
		}
	}
	return nil
}

// gather hears answers until all are there or the time is over; its error says who was
// silent.
func (r *roundup) gather(ctx context.Context, b *observed, timeout time.Duration) error {
	var end time.Time
	if timeout > 0 {
		end = r.began.Add(timeout)
	}
	pause := patience
	news := r.began.Add(pause) // when it is time to say who is waited for
	for len(r.waiting) > 0 {
		until := news
		if !end.IsZero() && end.Before(until) {
			until = end
		}
		topic, payload, err := b.hear(ctx, until)
		switch {
		case ctx.Err() != nil:
			return failed("interrupted: %s", r.silence())
		case errors.Is(err, context.DeadlineExceeded) && !end.IsZero() && !time.Now().Before(end):
			return failed("%s within %s", r.silence(), timeout)
		case errors.Is(err, context.DeadlineExceeded):
			fmt.Fprintf(b.w.err, "%d of %d have answered; waiting for %s\n", len(r.answers), len(r.asked), r.missing())
			pause *= 2
			news = news.Add(pause)
			continue
		case err != nil:
			return failed("hear answers: %w", err)
		}
		gid, msg := r.read(r, topic, payload)
		if r.waiting[gid] {
			delete(r.waiting, gid)
			r.answers[gid] = reply{time.Since(r.began), msg}
		}
	}
	return nil
}

// silence words that somebody has not answered.
func (r *roundup) silence() string {
	return fmt.Sprintf("%d of %d did not answer (%s)", len(r.waiting), len(r.asked), r.missing())
}

// missing are some of those that have not answered.
func (r *roundup) missing() string {
	const few = 5
	var names []string
	for _, s := range r.asked {
		if !r.waiting[s.GID] {
			continue
		}
		if len(names) == few {
			return fmt.Sprintf("%s and %d more", strings.Join(names, ", "), len(r.waiting)-few)
		}
		names = append(names, clean(calledAs(s)))
	}
	return strings.Join(names, ", ")
}

// calledAs is what people call a microservice.
func calledAs(s hippodamia.Service) string {
	if s.Name != "" {
		return s.Name
	}
	return s.GID
}

// answered is one that was asked, as JSON; a contract. Message is the answer's payload.
type answered struct {
	GID      string    `json:"gid"`
	Name     string    `json:"name"`
	Type     string    `json:"type"`
	Host     string    `json:"host"`
	ConfigID string    `json:"config_id"`
	State    string    `json:"state"` // when it was asked
	LastSeen time.Time `json:"last_seen"`
	Answered bool      `json:"answered"`
	After    float64   `json:"after_s,omitempty"`
	Message  any       `json:"message,omitempty"`
}

func (r *roundup) list() []answered {
	list := make([]answered, len(r.asked))
	for i, s := range r.asked {
		a, ok := r.answers[s.GID]
		list[i] = answered{s.GID, s.Name, s.Type, s.Host, s.ConfigID, string(s.State), s.LastSeen, ok, a.after.Seconds(), a.msg}
	}
	return list
}
