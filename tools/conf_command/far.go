package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"zmicroservices/conf"
	remote "zmicroservices/services/scheduler/peer"
	"zmicroservices/tools/internal/access"
	"zmicroservices/tools/internal/flags"
)

// peerOptions are the flags by which a verb is about a context of another host, which a
// Scheduler knows.
type peerOptions struct {
	name      string
	contextID string
	scheduler schedulerOptions
}

func (p *peerOptions) register(f *pflag.FlagSet) {
	f.StringVar(&p.name, "peer", "", "of a context on the host with this `name`, address or (beginning of a) uuid; see peers")
	f.StringVar(&p.contextID, "context", "", "with --peer: `ContextID`, if the host has several")
	p.scheduler.register(f)
}

// asked says that it is about another host.
func (p *peerOptions) asked() bool { return p.name != "" }

// check refuses two ways at once.
func (p *peerOptions) check(o options, n natsOptions) error {
	switch {
	case !p.asked() && p.contextID != "":
		return errors.New("--context goes with --peer")
	case p.asked() && n.asked():
		return errors.New("--peer and --nats are two ways; one of them")
	case p.asked() && (o.endpoint != "" || o.listen != ""):
		return errors.New("--peer knows the endpoints; without it --endpoint names one")
	}
	return nil
}

// far is a context of another host, and the way to it.
type far struct {
	host              string // its name, or else its address
	context           remote.Context
	frontend, backend string
}

// candidate is a context that was meant, perhaps.
type candidate struct {
	peerHost
	remote.Context
}

// String is a candidate in an error: context001 of 5f0c9a1e… at 10.0.0.2:8090.
func (c candidate) String() string {
	return fmt.Sprintf("%s of %.8s… at %s", c.Context.ID, c.UUID, c.Address)
}

// find asks the Scheduler who is meant, and that one's what it runs now. It gives the
// arguments after the Context file, which is the Scheduler's.
func (p *peerOptions) find(ctx context.Context, o options, args []string) (far, []string, error) {
	args, err := p.scheduler.fill(o, args)
	if err != nil {
		return far{}, nil, err
	}
	all, client, err := p.scheduler.known(ctx)
	if err != nil {
		return far{}, nil, err
	}
	defer client.Close()
	list := []peerHost{{Name: all.Name, UUID: all.UUID, Address: string(all.IP), Self: true}}
	for _, k := range all.Peers {
		list = append(list, hostOf(k))
	}
	meant, err := p.choose(list)
	if err != nil {
		return far{}, nil, err
	}
	var found []candidate
	var last error
	for _, one := range meant {
		contexts := all.Contexts
		if !one.Self {
			asking, cancel := context.WithTimeout(ctx, schedulerTime)
			info, err := client.Info(asking, remote.Address(one.Address))
			cancel()
			if err != nil {
				last = unasked(ctx, err)
				continue
			}
			contexts = info.Contexts
		}
		for _, c := range contexts {
			found = append(found, candidate{one, c})
		}
	}
	c, err := p.single(found, last)
	if err != nil {
		return far{}, nil, err
	}
	f, err := wayTo(c)
	return f, args, err
}

// choose gives the hosts that the name means: more than one only if they have it in common.
func (p *peerOptions) choose(list []peerHost) ([]peerHost, error) {
	pick := func(is func(peerHost) bool) []peerHost {
		return slices.DeleteFunc(slices.Clone(list), func(h peerHost) bool { return !is(h) })
	}
	if meant := pick(func(h peerHost) bool { return h.is(p.name) }); len(meant) > 0 {
		return meant, nil
	}
	meant := pick(func(h peerHost) bool { return h.begins(p.name) })
	var names []string
	switch len(meant) {
	case 1:
		return meant, nil
	case 0:
		for _, h := range list {
			names = append(names, h.Name)
		}
		if best := flags.Nearest(p.name, names); best != "" {
			return nil, failed("--peer %q is not known; did you mean %q?", p.name, best)
		}
		return nil, failed("--peer %q is not known (conf_command peers lists who is)", p.name)
	}
	for _, h := range meant {
		names = append(names, fmt.Sprintf("%s (%s)", h.UUID, cmp.Or(h.Name, h.Address)))
	}
	return nil, fmt.Errorf("--peer %q begins %d uuids: %s", p.name, len(meant), strings.Join(names, ", "))
}

// single gives the context that is meant. last is why a host said nothing of its own.
func (p *peerOptions) single(found []candidate, last error) (candidate, error) {
	fitting := slices.DeleteFunc(slices.Clone(found), func(c candidate) bool { return p.contextID != "" && c.Context.ID != p.contextID })
	names := make([]string, 0, len(found))
	for _, c := range found {
		names = append(names, c.String())
	}
	switch {
	case len(fitting) == 1:
		return fitting[0], nil
	case len(found) == 0 && last != nil:
		return candidate{}, last
	case len(found) == 0:
		return candidate{}, failed("--peer %q tells of no contexts: its scheduler runs under no provider", p.name)
	case len(fitting) == 0:
		return candidate{}, failed("--peer %q has no context %q; it has %s", p.name, p.contextID, strings.Join(names, ", "))
	}
	return candidate{}, fmt.Errorf("--peer %q has several contexts: %s; --context names one, and --peer may be a uuid", p.name, strings.Join(names, ", "))
}

// wayTo finds how a context's bus is reached from here.
func wayTo(c candidate) (far, error) {
	f := far{host: cmp.Or(c.Name, c.Address), context: c.Context}
	at := remote.Address(c.Address)
	here := c.Self || at.IsLoopback()
	var err error
	if f.frontend, err = fromHere(c.FrontEnd, at, here); err == nil {
		f.backend, err = fromHere(c.BackEnd, at, here)
	}
	if err != nil {
		return far{}, failed("context %s of %s: %w", c.Context.ID, f.host, err)
	}
	return f, nil
}

// fromHere is an endpoint of another host as we call it. A file names it as the host's own
// task services do, so that loopback and wildcards mean that host.
func fromHere(endpoint string, at remote.Address, here bool) (string, error) {
	if endpoint == "" {
		return "", errors.New("it tells no endpoints")
	}
	rest, isTCP := strings.CutPrefix(endpoint, "tcp://")
	switch {
	case here:
		return endpoint, nil
	case !isTCP:
		return "", fmt.Errorf("its bus is at %s, which only its own host reaches", endpoint)
	}
	host, port, err := net.SplitHostPort(rest)
	if err != nil {
		return "", fmt.Errorf("endpoint %q: %w", endpoint, err)
	}
	ip, err := netip.ParseAddr(host)
	if host == "" || host == "*" || host == "localhost" || err == nil && (ip.IsLoopback() || ip.IsUnspecified()) {
		host = at.Host()
	}
	return "tcp://" + net.JoinHostPort(host, port), nil
}

// reach joins the context's bus.
func (f far) reach(ctx context.Context, proof access.Proof) (provider, error) {
	p, err := reachBus(ctx, busAddress{backend: f.backend, frontend: f.frontend, proof: proof})
	return p, f.unreached(err)
}

// unreached adds to the error of a bus that is not there what may be the cause.
func (f far) unreached(err error) error {
	var a *absence
	if !errors.As(err, &a) || f.frontend == f.context.FrontEnd {
		return err
	}
	return nobody("context %s of %s: %w (it says %s, and may listen on loopback only)", f.context.ID, f.host, err, f.context.FrontEnd)
}

// transactions are those that a question is about: that of --transaction, or all.
func (f far) transactions(o options) []string {
	if o.transaction != "" {
		return []string{o.transaction}
	}
	ids := make([]string, 0, len(f.context.Transactions))
	for _, t := range f.context.Transactions {
		ids = append(ids, t.ID)
	}
	return ids
}

// heading is the host and its context, over what is printed of it.
func (f far) heading(w world) string {
	return paint(printable(f.host), bold, w.colour) + " " + printable(f.context.ID)
}

// withIDs leaves the task services with these ids; none: all. One that is nowhere is an error.
func withIDs(list []picture, ids []string) ([]picture, error) {
	if len(ids) == 0 {
		return list, nil
	}
	chosen := make([]*conf.Task, 0, len(ids))
	for _, id := range ids {
		if !slices.ContainsFunc(list, func(p picture) bool {
			return slices.ContainsFunc(p.Tasks, func(s service) bool { return s.Task == id })
		}) {
			return nil, failed("there is no task %q", id)
		}
		chosen = append(chosen, &conf.Task{ID: id})
	}
	return only(list, chosen), nil
}
