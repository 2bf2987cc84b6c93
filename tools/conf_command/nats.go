package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/spf13/pflag"

	"zmicroservices/services/bridge"
	"zmicroservices/services/bridge/link"
	"zmicroservices/services/bridge/subject"
	"zmicroservices/tools/internal/exit"
)

// natsOptions are the flags by which a verb asks all hosts at once, through the bridges
// that they run.
type natsOptions struct {
	link link.Options
	wait time.Duration
}

func (n *natsOptions) register(f *pflag.FlagSet) {
	f.StringSliceVar(&n.link.URLs, "nats", nil, "ask the hosts that are on NATS at this `URL`; may be repeated for a cluster")
	f.StringVar(&n.link.CredsFile, "nats_creds", "", "`file` with our credentials for NATS")
	f.StringVar(&n.link.NkeyFile, "nats_nkey", "", "`file` with the seed of our nkey")
	f.StringVar(&n.link.UserFile, "nats_user", "", "`file` with the one line USER:PASSWORD")
	f.StringVar(&n.link.CAFile, "nats_ca", "", "`file` with the certificates of who signs servers")
	f.StringVar(&n.link.CertFile, "nats_cert", "", "`file` with our certificate")
	f.StringVar(&n.link.KeyFile, "nats_key", "", "`file` with its key")
	f.BoolVar(&n.link.Insecure, "nats_insecure", false, "send a password unencrypted beyond loopback")
	f.DurationVar(&n.wait, "nats_wait", time.Second, "how long hosts may take to say that they are there")
}

// asked says that NATS is to be used.
func (n *natsOptions) asked() bool { return len(n.link.URLs) > 0 }

// dial connects, once: who asks wants to know now.
func (n *natsOptions) dial() (*nats.Conn, error) {
	if n.wait <= 0 {
		return nil, fmt.Errorf("--nats_wait %v is not above 0", n.wait)
	}
	if err := n.link.Validate(); err != nil {
		return nil, fmt.Errorf("--nats: %w", err)
	}
	nc, err := n.link.Connect(nats.Name("conf_command"), nats.Timeout(10*time.Second))
	switch {
	case errors.Is(err, nats.ErrAuthorization), errors.Is(err, nats.ErrAuthExpired):
		return nil, exit.Failed("%w (--nats_creds, --nats_nkey or --nats_user say who we are)", err)
	case err != nil:
		return nil, exit.Nobody("%w", err)
	}
	return nc, nil
}

// places are the hosts that arguments name: HOST or HOST/CONTEXT; none: all.
type places []string

func (p places) has(host, in string) bool {
	return len(p) == 0 || slices.Contains(p, host) || slices.Contains(p, host+"/"+in)
}

// discover asks who is there, and waits for as long as answers may take: nobody knows how
// many there are to be.
func (n *natsOptions) discover(ctx context.Context, nc *nats.Conn) ([]bridge.Presence, error) {
	sub, err := nc.SubscribeSync(nc.NewRespInbox())
	if err != nil {
		return nil, exit.Failed("ask who is there: %w", err)
	}
	defer sub.Unsubscribe() //nolint:errcheck // the connection ends soon
	if err := nc.PublishRequest(subject.Discover, sub.Subject, nil); err != nil {
		return nil, exit.Failed("ask who is there: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, n.wait)
	defer cancel()
	var found []bridge.Presence
	for {
		m, err := sub.NextMsgWithContext(ctx)
		switch {
		case errors.Is(err, nats.ErrNoResponders): // nobody at all, said at once
			return nil, nil
		case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
			slices.SortFunc(found, func(a, b bridge.Presence) int {
				return strings.Compare(a.Host+"\x00"+a.Context, b.Host+"\x00"+b.Context)
			})
			return found, nil
		case err != nil:
			return nil, exit.Failed("ask who is there: %w", err)
		}
		var p bridge.Presence
		if json.Unmarshal(m.Data, &p) == nil && p.Host != "" {
			found = append(found, p)
		}
	}
}

// nobody says that none of those who were named has answered.
func (n *natsOptions) nobody(only places) error {
	who := "no bridge"
	if len(only) > 0 {
		who = "no bridge of " + strings.Join(only, ", ")
	}
	return exit.Nobody("%s answers on %s within %v (task service Bridge)", who, strings.Join(n.link.URLs, ","), n.wait)
}

// farAnswer is what one host said.
type farAnswer struct {
	bridge.Presence
	text json.RawMessage
	err  error
}

// askAll asks all hosts at once that are there and were named.
func (n *natsOptions) askAll(ctx context.Context, nc *nats.Conn, question, transaction string, timeout time.Duration, only places) ([]farAnswer, error) {
	found, err := n.discover(ctx, nc)
	if err != nil {
		return nil, err
	}
	found = slices.DeleteFunc(found, func(p bridge.Presence) bool { return !only.has(p.Host, p.Context) })
	if len(found) == 0 {
		return nil, n.nobody(only)
	}
	body, err := json.Marshal(bridge.Question{Transaction: transaction})
	if err != nil {
		return nil, exit.Failed("ask: %w", err)
	}
	if timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, timeout)
		defer cancel()
	}
	all := make([]farAnswer, len(found))
	var work sync.WaitGroup
	for i, p := range found {
		work.Go(func() { // ends with its answer, or with ctx
			all[i].Presence = p
			m, err := nc.RequestWithContext(ctx, subject.Place{Host: p.Host, Context: p.Context}.Ask(question), body)
			switch {
			case err != nil:
				all[i].err = err
			case m.Header.Get(bridge.HeaderError) != "":
				all[i].err = errors.New(m.Header.Get(bridge.HeaderError))
			default:
				all[i].text = m.Data
			}
		})
	}
	work.Wait()
	return all, nil
}

// placed is a heading.
func placed(w world, p bridge.Presence) string {
	return paint(printable(p.Host), bold, w.colour) + " " + printable(p.Context)
}

// complain tells whose answer is missing, and is an error of exit code 1 if one is.
func complain(w world, all []farAnswer) error {
	missing := 0
	for _, a := range all {
		if a.err != nil {
			missing++
			fmt.Fprintf(w.err, "%s/%s: %s\n", printable(a.Host), printable(a.Context), oneLine(a.err))
		}
	}
	if missing > 0 {
		return exit.Failed("%d of %d contexts gave no answer", missing, len(all))
	}
	return nil
}
