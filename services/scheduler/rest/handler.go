package rest

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"golang.org/x/time/rate"

	"zmicroservices/services/scheduler/engine"
	"zmicroservices/services/scheduler/peer"
)

//go:embed openapi.json
var openapi []byte

// Header fields of ours.
const (
	knownHeader = "Zms-Known"
	serverName  = "zmicroservices"
)

func rateOf(o Options) rate.Limit { return rate.Limit(o.Rate) }

// refusal is an answer that is an error.
type refusal struct {
	status int
	reason string
}

func (r *refusal) Error() string { return r.reason }

// handle answers a request with a value for JSON.
type handle func(r *http.Request, from netip.Addr) (any, error)

// handler is the whole API.
func (s *Server) handler() http.Handler {
	routes := map[string]struct {
		method string
		open   bool // without the secret
		do     handle
	}{
		"/sync":         {http.MethodPost, false, nil}, // it has a header to set, below
		"/ip":           {http.MethodPost, false, s.ip},
		"/peers":        {http.MethodGet, false, s.peers},
		"/contexts":     {http.MethodGet, false, s.tellContexts},
		"/openapi.json": {http.MethodGet, true, func(*http.Request, netip.Addr) (any, error) { return json.RawMessage(openapi), nil }},
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Server", serverName+"/"+s.o.Version)
		port, err := netip.ParseAddrPort(r.RemoteAddr)
		from := port.Addr().Unmap()
		route, known := routes[r.URL.Path]
		do := route.do
		if r.URL.Path == "/sync" {
			do = func(r *http.Request, from netip.Addr) (any, error) { return s.sync(w, r, from) }
		}
		var value any
		switch {
		case err != nil:
			err = &refusal{http.StatusBadRequest, "it is not known where this call comes from"}
		case !s.rates.allow(from, time.Now()):
			w.Header().Set("Retry-After", "1")
			err = &refusal{http.StatusTooManyRequests, "too many calls from " + from.String()}
		case r.Header.Get("Origin") != "":
			// A page in somebody's browser, which can reach loopback where we cannot be seen.
			err = &refusal{http.StatusForbidden, "a page in a browser is no peer"}
		case !route.open && s.o.Secret != "" && !knows(r, s.o.Secret):
			w.Header().Set("WWW-Authenticate", `Bearer realm="scheduler"`)
			err = &refusal{http.StatusUnauthorized, "Authorization: Bearer with the shared secret is missing or wrong"}
		case !known:
			err = &refusal{http.StatusNotFound, "there is POST /sync, POST /ip, GET /peers, GET /contexts, GET /openapi.json"}
		case r.Method != route.method && (route.method != http.MethodGet || r.Method != http.MethodHead):
			w.Header().Set("Allow", route.method)
			err = &refusal{http.StatusMethodNotAllowed, fmt.Sprintf("%s is for %s", r.URL.Path, route.method)}
		default:
			value, err = do(r, from)
		}
		s.reply(w, value, err)
	})
}

// reply writes a value, or why there is none.
func (s *Server) reply(w http.ResponseWriter, value any, err error) {
	status := http.StatusOK
	if err != nil {
		status = http.StatusInternalServerError
		reason := "internal error"
		var r *refusal
		switch {
		case errors.As(err, &r):
			status, reason = r.status, r.reason
		case errors.Is(err, engine.ErrAddress):
			status, reason = http.StatusBadRequest, err.Error()
		case errors.Is(err, engine.ErrFull):
			status, reason = http.StatusServiceUnavailable, err.Error()
			w.Header().Set("Retry-After", "60")
		default:
			s.o.Logger.Error("call was not answered", "err", err)
		}
		value = map[string]string{"error": reason}
	}
	text, err := json.Marshal(value)
	if err != nil {
		s.o.Logger.Error("answer could not be written", "err", err)
		status, text = http.StatusInternalServerError, []byte(`{"error":"internal error"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(append(text, '\n')) // who has gone does not hear it
}

// kinds are what a call's body may call itself. The second is what curl -d says of
// anything; a browser that says so adds its Origin.
var kinds = []string{"application/json", "application/x-www-form-urlencoded"}

// read gives the call in a request's body.
func read(r *http.Request) (peer.Call, error) {
	if kind := r.Header.Get("Content-Type"); kind != "" {
		if kind, _, err := mime.ParseMediaType(kind); err != nil || !slices.Contains(kinds, kind) {
			return peer.Call{}, &refusal{http.StatusUnsupportedMediaType, "Content-Type is not application/json"}
		}
	}
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, longestCall))
	var long *http.MaxBytesError
	switch {
	case errors.As(err, &long):
		return peer.Call{}, &refusal{http.StatusRequestEntityTooLarge, fmt.Sprintf("body has more than %d bytes", longestCall)}
	case err != nil:
		return peer.Call{}, &refusal{http.StatusBadRequest, "body could not be read to its end"}
	}
	call, err := decodeCall(body)
	if err != nil {
		return call, &refusal{http.StatusBadRequest, strings.ToValidUTF8(err.Error(), "?")}
	}
	return call, nil
}

func (s *Server) sync(w http.ResponseWriter, r *http.Request, from netip.Addr) (any, error) {
	call, err := read(r)
	if err != nil {
		return nil, err
	}
	// A header that is no digest says nothing, as if it were not there.
	call.Known, _ = peer.ParseDigest(r.Header.Get(knownHeader))
	a, err := s.o.Engine.Hear(r.Context(), call, from)
	if err != nil {
		return nil, err
	}
	if a.Known != (peer.Digest{}) {
		w.Header().Set(knownHeader, a.Known.String())
	}
	if a.Consumers == nil {
		a.Consumers = []peer.Peer{} // in JSON a list, not null
	}
	return answer{a.UUID.String(), s.address(a.IP, r), a.Consumers}, nil
}

// address is our own, or the one at which we were called.
func (s *Server) address(known peer.Address, r *http.Request) peer.Address {
	if known != "" {
		return known
	}
	local, _ := r.Context().Value(http.LocalAddrContextKey).(interface{ String() string })
	if local == nil {
		return ""
	}
	at, err := netip.ParseAddrPort(local.String())
	if err != nil {
		return ""
	}
	return peer.AddressOf(at.Addr(), at.Port())
}

func (s *Server) ip(r *http.Request, from netip.Addr) (any, error) {
	call, err := read(r)
	if err != nil {
		return nil, err
	}
	if call.IP == "" { // it is what this call is about
		return nil, &refusal{http.StatusBadRequest, "field ip is missing"}
	}
	if err := s.o.Engine.HearAddress(r.Context(), call, from); err != nil {
		return nil, err
	}
	return struct {
		UUID string       `json:"uuid"`
		IP   peer.Address `json:"ip"`
	}{s.o.Engine.UUID().String(), s.address(s.o.Self(), r)}, nil
}

// Peers is what GET /peers answers.
type Peers struct {
	UUID     string         `json:"uuid"`
	IP       peer.Address   `json:"ip"`
	Name     string         `json:"name"`
	Version  string         `json:"version"`
	Leads    bool           `json:"leads"`
	Interval string         `json:"interval"`
	Peers    []engine.Known `json:"peers"`
	Contexts []peer.Context `json:"contexts"`
}

func (s *Server) peers(r *http.Request, _ netip.Addr) (any, error) {
	contexts, err := s.contexts.get(r.Context())
	if err != nil {
		s.o.Logger.Warn("provider does not tell what it runs", "err", err)
		contexts = []peer.Context{}
	}
	return Peers{
		UUID: s.o.Engine.UUID().String(), IP: s.address(s.o.Self(), r), Name: s.o.Name, Version: s.o.Version,
		Leads: s.o.Engine.Leads(), Interval: s.o.Interval.String(), Peers: s.o.Engine.Peers(), Contexts: contexts,
	}, nil
}

func (s *Server) tellContexts(r *http.Request, _ netip.Addr) (any, error) {
	contexts, err := s.contexts.get(r.Context())
	if err != nil {
		s.o.Logger.Warn("provider does not tell what it runs", "err", err)
		return nil, &refusal{http.StatusServiceUnavailable, "the provider does not tell what it runs"}
	}
	return peer.Info{UUID: s.o.Engine.UUID(), Name: s.o.Name, Version: s.o.Version, Contexts: contexts}, nil
}
