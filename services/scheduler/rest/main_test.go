package rest

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"zmicroservices/services/scheduler/engine"
	"zmicroservices/services/scheduler/peer"
	"zmicroservices/services/scheduler/registry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// api is a server with an engine, on loopback.
type api struct {
	*Server
	engine *engine.Engine
	client *Client
	url    string
}

// serve makes one that ends with the test.
func serve(t *testing.T, change func(*Options)) *api {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	o := Options{
		Address: "127.0.0.1:0", Logger: log, Name: "host1", Version: "1.2.3", Interval: time.Minute, Patience: time.Minute,
		Contexts: func(context.Context) ([]peer.Context, error) {
			return []peer.Context{{ID: "context001", File: "c.xml", PID: 7, Transactions: []peer.Transaction{{ID: "T1", Services: 2, States: map[string]int{"started": 2}}}}}, nil
		},
	}
	if change != nil {
		change(&o)
	}
	client := NewClient(ClientOptions{Secret: o.Secret, TLS: o.TLS})
	a := &api{client: client}
	e, err := engine.New(engine.Options{
		Registry: registry.NewMemory(), Transport: client, Logger: log, Details: true, Most: 50,
		Self: func(peer.Address) peer.Address { return peer.Address(a.Address()) },
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	o.Engine, a.engine = e, e
	if a.Server, err = Listen(o); err != nil {
		t.Fatal(err)
	}
	a.url = "http://" + a.Address()
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- a.Serve(ctx) }() // ends with the test
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		client.Close()
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return a
}

// ask sends a request and gives the answer.
func (a *api) ask(t *testing.T, method, path, body string, header ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, a.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(text)
}

// dial opens a connection that ends with the test.
func (a *api) dial(t *testing.T) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", a.Address())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	return conn
}
