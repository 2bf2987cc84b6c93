package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"zmicroservices/conf"
	"zmicroservices/services/scheduler/engine"
	remote "zmicroservices/services/scheduler/peer"
	"zmicroservices/services/scheduler/rest"
	"zmicroservices/taskservice"
)

// schedulerOptions say which Scheduler is asked about other hosts, and by what it knows
// us. They have the names that the Scheduler gives them.
type schedulerOptions struct {
	address    string
	secretFile string
	cert       string
	key        string
	ca         string
}

const (
	// usualScheduler is where a Scheduler is unless its file says otherwise.
	usualScheduler = "127.0.0.1:8090"
	// schedulerTime is how long one may take to answer.
	schedulerTime = 5 * time.Second
)

func (s *schedulerOptions) register(f *pflag.FlagSet) {
	f.StringVar(&s.address, "scheduler", "", "`HOST:PORT` of the Scheduler to ask (default: the file's, or "+usualScheduler+")")
	f.StringVar(&s.secretFile, "secret_file", "", "`file` with the secret that Schedulers share (default: the file's)")
	f.StringVar(&s.cert, "cert", "", "`file` of our certificate for Schedulers that want one (default: the file's)")
	f.StringVar(&s.key, "key", "", "`file` of its key")
	f.StringVar(&s.ca, "ca", "", "`file` of the Schedulers' authority")
}

// schedulerTask is what counts of the configuration of a Scheduler.
type schedulerTask struct {
	Listen     string `json:"listen"`
	SecretFile string `json:"secret_file"`
	Cert       string `json:"cert"`
	Key        string `json:"key"`
	CA         string `json:"ca"`
}

// fill takes from the Context file what no flag said, and gives the arguments after
// the file. Without a file there is the usual address.
func (s *schedulerOptions) fill(o options, args []string) ([]string, error) {
	path := o.contextFile
	if path == "" && len(args) > 0 && looksLikeFile(args[0]) {
		path, args = args[0], args[1:]
	}
	if path == "" && s.address == "" {
		path = os.Getenv("ZMS_CONTEXT")
	}
	if path == "" {
		s.address = cmp.Or(s.address, usualScheduler)
		return args, nil
	}
	file, err := loadFile(path)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(file.Tasks, func(t *conf.Task) bool { return t.Instance == "Scheduler" })
	switch {
	case i >= 0:
	case s.address == "":
		return nil, fmt.Errorf("%s: it has no Scheduler; --scheduler says which one to ask", file.File)
	default:
		return args, nil
	}
	var t schedulerTask
	if err := (taskservice.Config{Values: file.Tasks[i].Configuration}).Decode(&t); err != nil {
		return nil, fmt.Errorf("%s: task %s: %w", file.File, file.Tasks[i].ID, err)
	}
	if s.address == "" {
		if s.address, err = called(cmp.Or(t.Listen, usualScheduler)); err != nil {
			return nil, fmt.Errorf("%s: task %s: %w", file.File, file.Tasks[i].ID, err)
		}
	}
	s.secretFile = cmp.Or(s.secretFile, t.SecretFile)
	if s.cert == "" && s.key == "" && s.ca == "" {
		s.cert, s.key, s.ca = t.Cert, t.Key, t.CA
	}
	return args, nil
}

// called is where one calls who listens at an address.
func called(listen string) (string, error) {
	host, port, err := net.SplitHostPort(listen)
	switch {
	case err != nil: // none
		return "", fmt.Errorf("listen %s: it cannot be asked; --scheduler says whom to ask", listen)
	case port == "0":
		return "", fmt.Errorf("listen %s: its port is any; --scheduler says which it has", listen)
	}
	ip, err := netip.ParseAddr(host)
	switch {
	case host == "", err == nil && ip == netip.IPv4Unspecified():
		host = "127.0.0.1"
	case err == nil && ip == netip.IPv6Unspecified():
		host = "::1"
	}
	return net.JoinHostPort(host, port), nil
}

// client reads what we are known by.
func (s *schedulerOptions) client() (*rest.Client, error) {
	var o rest.ClientOptions
	var err error
	if s.secretFile != "" {
		if o.Secret, err = rest.LoadSecret(s.secretFile); err != nil {
			return nil, err
		}
	}
	switch given := 3 - countOf("", s.cert, s.key, s.ca); given {
	case 0:
	case 3:
		if o.TLS, err = rest.LoadTLS(s.cert, s.key, s.ca); err != nil {
			return nil, err
		}
	default:
		return nil, errors.New("--cert, --key and --ca belong together: a certificate, its key, and the authority of the Schedulers'")
	}
	return rest.NewClient(o), nil
}

func countOf(word string, in ...string) (n int) {
	for _, w := range in {
		if w == word {
			n++
		}
	}
	return n
}

// known asks the Scheduler. The client is for its peers, and is to be closed.
func (s *schedulerOptions) known(ctx context.Context) (rest.Peers, *rest.Client, error) {
	at, err := remote.ParseAddress(s.address)
	if err != nil {
		return rest.Peers{}, nil, fmt.Errorf("--scheduler: %w", err)
	}
	client, err := s.client()
	if err != nil {
		return rest.Peers{}, nil, err
	}
	asking, cancel := context.WithTimeout(ctx, schedulerTime)
	defer cancel()
	all, err := client.Peers(asking, at)
	if err != nil {
		client.Close()
		return rest.Peers{}, nil, unasked(ctx, err)
	}
	return all, client, nil
}

// unasked tells a Scheduler that refuses from one that is not there.
func unasked(ctx context.Context, err error) error {
	var status *rest.StatusError
	var gone *net.OpError
	switch {
	case ctx.Err() != nil && errors.Is(context.Cause(ctx), context.Canceled):
		return failed("interrupted")
	case errors.As(err, &status) && (status.Status == 401 || status.Status == 403):
		return failed("%w (--secret_file says who we are)", err)
	case errors.As(err, &status):
		return failed("%w", err)
	case errors.As(err, &gone), errors.Is(err, rest.ErrNoAnswer):
		return nobody("%w", err)
	}
	return failed("%w", err)
}

// peers are the hosts that the Scheduler knows, itself first.
func (s *schedulerOptions) peers(ctx context.Context, w world, o options, args []string) ([]peerHost, error) {
	words, err := s.fill(o, args)
	if err != nil {
		return nil, err
	}
	all, client, err := s.known(ctx)
	if err != nil {
		return nil, err
	}
	client.Close()
	now := w.now()
	list := []peerHost{{Name: all.Name, UUID: all.UUID, Address: string(all.IP), LastSeen: &now, Available: true, Self: true, Contexts: contextsOf(all.Contexts)}}
	for _, k := range all.Peers {
		list = append(list, hostOf(k))
	}
	slices.SortFunc(list[1:], func(a, b peerHost) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Address, b.Address), cmp.Compare(a.UUID, b.UUID))
	})
	if len(words) == 0 {
		return list, nil
	}
	return slices.DeleteFunc(list, func(p peerHost) bool {
		return !slices.ContainsFunc(words, func(word string) bool { return p.is(word) || p.begins(word) })
	}), nil
}

func hostOf(k engine.Known) peerHost {
	p := peerHost{Name: k.Name, Address: string(k.IP), LastSeen: known(k.LastSeen), Available: k.Availability == engine.Available, Reason: k.Reason, Contexts: contextsOf(k.Contexts)}
	if k.UUID != [16]byte{} {
		p.UUID = k.UUID.String()
	}
	if k.Availability == engine.Unknown {
		p.Reason = "not tried yet"
	}
	return p
}

func contextsOf(all []remote.Context) []peerContext {
	list := make([]peerContext, 0, len(all))
	for _, c := range all {
		one := peerContext{Context: c.ID, Version: c.Version, FrontEnd: c.FrontEnd, Backend: c.BackEnd, Transactions: []peerTransaction{}}
		for _, t := range c.Transactions {
			one.Transactions = append(one.Transactions, peerTransaction{Transaction: t.ID, Services: t.Services, Up: t.States["started"]})
		}
		list = append(list, one)
	}
	return list
}

// is says that a word is the peer's uuid, its name, or its address with a port or without.
func (p peerHost) is(word string) bool {
	if word == "" {
		return false
	}
	at := remote.Address(p.Address)
	return strings.EqualFold(word, p.UUID) || word == p.Name || word == string(at) || word == at.HostPort() || word == at.Host()
}

// begins says that a word begins the peer's uuid.
func (p peerHost) begins(word string) bool {
	return word != "" && strings.HasPrefix(p.UUID, strings.ToLower(word))
}
