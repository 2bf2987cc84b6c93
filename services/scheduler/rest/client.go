package rest

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"time"

	"zmicroservices/services/scheduler/peer"
)

// ClientOptions say how calls are made; the zero value of a field stands for its default.
type ClientOptions struct {
	Secret string      // sent with each call [none]
	TLS    *tls.Config // as LoadTLS makes it [plain HTTP]
	Most   int         // consumers that are read of an answer [1000]
	// Given, if not nil, are the addresses that the configuration names. Another one that is
	// a name was said by a peer, and is not called if it means this host [all are given].
	Given []peer.Address

	resolver *net.Resolver // for tests
}

// Client calls peers. It is an engine.Transport.
type Client struct {
	o    ClientOptions
	http *http.Client
}

// Limits of what is read of an answer, in bytes.
const (
	longestEntry = 512 // a consumer of an answer, generously
	longestHead  = 64 << 10
	longestInfo  = 1 << 20
)

// NewClient makes a Client. Close ends the connections that it keeps.
func NewClient(o ClientOptions) *Client {
	if o.Most == 0 {
		o.Most = 1000
	}
	return &Client{o, &http.Client{
		Transport: &http.Transport{
			DialContext:            o.dial, // and no proxy: a peer is called itself
			TLSClientConfig:        o.TLS.Clone(),
			TLSHandshakeTimeout:    5 * time.Second,
			DisableCompression:     true, // what is read is what was sent
			MaxIdleConns:           o.Most,
			MaxIdleConnsPerHost:    2,
			IdleConnTimeout:        90 * time.Second,
			MaxResponseHeaderBytes: 16 << 10,
		},
		// Somewhere else is somebody else: the secret is not for it.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// dial connects to a peer.
func (o ClientOptions) dial(ctx context.Context, network, address string) (net.Conn, error) {
	d := net.Dialer{Timeout: 5 * time.Second, Resolver: o.resolver}
	at, err := peer.ParseAddress(address)
	if err != nil {
		return nil, err
	}
	if _, err := netip.ParseAddr(at.Host()); err != nil && o.Given != nil && !at.IsLoopback() && !slices.Contains(o.Given, at) {
		d.Control = elsewhere
	}
	return d.DialContext(ctx, network, address)
}

// errHere is given for a name that a peer said, and that leads back to us: to what listens
// on loopback, which was never for others.
var errHere = errors.New("its name means this host")

// elsewhere refuses what a name means when it is this host; it is a net.Dialer's Control.
func elsewhere(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	if ip := at.Addr().Unmap(); ip.IsLoopback() || ip.IsUnspecified() {
		return errHere
	}
	return nil
}

// Close ends the connections that are kept.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Sync implements engine.Transport.
func (c *Client) Sync(ctx context.Context, at peer.Address, call peer.Call) (peer.Answer, error) {
	head, body, err := c.post(ctx, at, "/sync", call)
	if err != nil {
		return peer.Answer{}, err
	}
	a := decodeAnswer(body, c.o.Most)
	a.Ours = strings.HasPrefix(head.Get("Server"), serverName+"/")
	a.Known, _ = peer.ParseDigest(head.Get(knownHeader)) // of another make: it says nothing
	return a, nil
}

// Tell implements engine.Transport.
func (c *Client) Tell(ctx context.Context, at peer.Address, call peer.Call) error {
	_, _, err := c.post(ctx, at, "/ip", call)
	return err
}

// Info implements engine.Transport.
func (c *Client) Info(ctx context.Context, at peer.Address) (peer.Info, error) {
	var info peer.Info
	_, body, err := c.do(ctx, http.MethodGet, at, "/contexts", nil, "", longestInfo)
	if err == nil {
		err = json.Unmarshal(body, &info)
	}
	if err != nil {
		return peer.Info{}, fmt.Errorf("ask %s what it runs: %w", at, err)
	}
	return info, nil
}

// Peers asks GET /peers of a scheduler like this one.
func (c *Client) Peers(ctx context.Context, at peer.Address) (Peers, error) {
	var all Peers
	_, body, err := c.do(ctx, http.MethodGet, at, "/peers", nil, "", longestHead+longestInfo*16)
	if err == nil {
		err = json.Unmarshal(body, &all)
	}
	if err != nil {
		return Peers{}, fmt.Errorf("ask %s for its peers: %w", at, err)
	}
	return all, nil
}

func (c *Client) post(ctx context.Context, at peer.Address, path string, call peer.Call) (http.Header, []byte, error) {
	body, err := json.Marshal(call)
	if err != nil {
		return nil, nil, err
	}
	head, answer, err := c.do(ctx, http.MethodPost, at, path, body, call.Known.String(), longestHead+longestEntry*c.o.Most)
	if err != nil {
		return nil, nil, fmt.Errorf("call %s%s: %w", at, path, err)
	}
	return head, answer, nil
}

// do makes a call and gives the answer of one that was answered well.
func (c *Client) do(ctx context.Context, method string, at peer.Address, path string, body []byte, known string, most int) (http.Header, []byte, error) {
	scheme := "http://"
	if c.o.TLS != nil {
		scheme = "https://"
	}
	r, err := http.NewRequestWithContext(ctx, method, scheme+at.HostPort()+path, bytes.NewReader(body))
	if err != nil {
		return nil, nil, err
	}
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/json")
	}
	// A kept connection may be one that a peer closed when it was restarted. The key, which
	// is not sent, tells net/http that a call may be repeated on another one.
	r.Header["Idempotency-Key"] = nil
	r.Header.Set("User-Agent", serverName)
	if known != "" {
		r.Header.Set(knownHeader, known)
	}
	if c.o.Secret != "" {
		r.Header.Set("Authorization", "Bearer "+c.o.Secret)
	}
	response, err := c.http.Do(r)
	if err != nil {
		return nil, nil, reasonOf(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, int64(most)+1))
	switch {
	case response.StatusCode < 200 || response.StatusCode > 299:
		return nil, nil, &StatusError{response.StatusCode, complaint(answer)}
	case err != nil:
		return nil, nil, fmt.Errorf("read answer: %w", err)
	case len(answer) > most:
		return nil, nil, fmt.Errorf("its answer is longer than %d bytes", most)
	}
	return response.Header, answer, nil
}

// complaint is what a refusal says.
func complaint(body []byte) string {
	var said struct {
		Error string `json:"error"`
	}
	if json.Unmarshal(body, &said) != nil {
		return ""
	}
	return said.Error
}
