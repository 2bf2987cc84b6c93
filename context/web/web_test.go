package web

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"zmicroservices/context/event"
)

// site is a page that is served, and what it tells.
type site struct {
	addr   string
	client *http.Client

	mu      sync.Mutex // guards figures
	figures event.Figures
}

func (s *site) set(f event.Figures) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f.Self = make([]event.SelfFigures, 2)
	s.figures = f
}

func (s *site) get() *event.Figures {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.figures
	return &f
}

func options() Options {
	return Options{
		Address: "127.0.0.1:0", Logger: slog.New(slog.DiscardHandler),
		Figures:  func(context.Context) *event.Figures { return &event.Figures{} },
		Standing: func(context.Context) *event.Figures { return &event.Figures{} },
		Metrics:  http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "zms_tasks 0") }),
	}
}

// serve runs a page until the test ends.
func serve(t *testing.T, o Options) *site {
	t.Helper()
	p := &site{client: &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{}}}
	p.set(event.Figures{Context: "context001"})
	o.Figures = func(context.Context) *event.Figures { return p.get() }
	o.Standing = o.Figures
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	p.addr = s.Addr()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }() // ends with ctx
	t.Cleanup(func() {
		p.client.CloseIdleConnections()
		cancel()
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("Run gave %v", err)
			}
		case <-time.After(20 * time.Second):
			t.Error("the page does not end")
		}
	})
	return p
}

// ask makes a request and gives status, header and body.
func (s *site) ask(t *testing.T, method, path string, change func(*http.Request)) (int, http.Header, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, "http://"+s.addr+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(r)
	}
	answer, err := s.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, answer.Header, string(body)
}

func TestThePageTells(t *testing.T) {
	s := serve(t, options())
	for path, want := range map[string]string{
		"/metrics": "zms_tasks 0\n", "/healthz": "ok\n", "/readyz": "ready\n", "/": "context context001, 0 task services\n",
		"/docs/asyncapi.json": "{\n  \"asyncapi\": \"3.0.0\"", "/docs/messages.md": "# Messages",
	} {
		if code, _, body := s.ask(t, "GET", path, nil); code != 200 || !strings.HasPrefix(body, want) {
			t.Errorf("%s: %d %q, want %q", path, code, body, want)
		}
	}
	s.set(event.Figures{Context: "context001", Services: []event.ServiceFigures{
		{Transaction: "T1", TaskView: &event.TaskView{ID: "ts001", State: event.Started, PID: 17}, Cost: &event.Cost{ProcessCost: event.ProcessCost{RSS: 4096}}},
	}})
	code, h, body := s.ask(t, "GET", "/api/top", nil)
	var f event.Figures
	if err := json.Unmarshal([]byte(body), &f); err != nil || code != 200 || h.Get("Content-Type") != "application/json" {
		t.Fatalf("%d %v: %v in %s", code, h, err, body)
	}
	if f.Context != "context001" || len(f.Services) != 1 || f.Services[0].ID != "ts001" || f.Services[0].Cost.RSS != 4096 {
		t.Errorf("got %s", body)
	}
	if code, _, _ := s.ask(t, "GET", "/nothing", nil); code != 404 {
		t.Errorf("a page that there is not: %d", code)
	}
}

func TestWhoIsNotReadyIsNamed(t *testing.T) {
	s := serve(t, options())
	service := func(id event.TransactionID, v event.TaskView) event.ServiceFigures {
		return event.ServiceFigures{Transaction: id, TaskView: &v}
	}
	s.set(event.Figures{Services: []event.ServiceFigures{
		service("T0", event.TaskView{ID: "old", State: event.Failed}), // a transaction that is over
		service("T1", event.TaskView{ID: "up", State: event.Started, Wanted: true, Present: true, Ready: true}),
		service("T1", event.TaskView{ID: "slow", Instance: "Slow", State: event.Starting, Wanted: true, Present: true}),
		service("T1", event.TaskView{ID: "waits", Instance: "W", Wanted: true, Waits: "waits for slow until ready"}),
		service("T1", event.TaskView{ID: "bad", Instance: "Bad", State: event.Failed, Reason: "killed\nby SIGKILL"}),
		service("T1", event.TaskView{ID: "done", State: event.Stopped, Completed: true, Wanted: true}),
		service("T1", event.TaskView{ID: "off", State: event.Stopped}),
		service("T1", event.TaskView{ID: "cron", State: event.Created, Scheduled: true, Wanted: true}),
	}})
	want := "not ready\nslow (Slow) starting\nwaits (W) defined: waits for slow until ready\nbad (Bad) failed: killed by SIGKILL\n"
	if code, _, body := s.ask(t, "GET", "/readyz", nil); code != 503 || body != want {
		t.Errorf("%d %q, want %q", code, body, want)
	}
	s.set(event.Figures{Services: []event.ServiceFigures{service("T1", event.TaskView{ID: "only", Instance: "O", State: event.Failed})}})
	if code, _, body := s.ask(t, "GET", "/readyz", nil); code != 503 || !strings.Contains(body, "only") {
		t.Errorf("the only one has failed: %d %q", code, body)
	}
}

func TestIllsAreNamedAndAreNoReasonToKill(t *testing.T) {
	s := serve(t, options())
	s.set(event.Figures{Journal: event.JournalFigures{Failing: "no space left on device"}})
	code, _, body := s.ask(t, "GET", "/healthz", nil)
	if code != 200 || body != "ok\nwarning: journal cannot be written: no space left on device\n" {
		t.Errorf("%d %q", code, body)
	}
}

func TestAStrangersNameIsRefused(t *testing.T) {
	s := serve(t, options())
	_, port, _ := net.SplitHostPort(s.addr)
	for host, want := range map[string]int{
		s.addr: 200, "localhost:" + port: 200, "LOCALHOST": 200, "127.0.0.1": 200, "[::1]:" + port: 200, "gw.localhost": 200, "localhost.": 200,
		"127.0.0.1:9999": 200, "evil.example": 403, "evil.example:" + port: 403, "127.0.0.1.evil.example": 403, "192.168.7.7:" + port: 403,
		"localhost.evil.example": 403, "evillocalhost": 403,
	} {
		if code, _, body := s.ask(t, "GET", "/metrics", func(r *http.Request) { r.Host = host }); code != want {
			t.Errorf("Host %s: %d, want %d: %s", host, code, want, body)
		}
	}
	for origin, want := range map[string]int{
		"http://" + s.addr: 200, "http://localhost:3000": 200, "http://evil.example": 403, "null": 403, "": 403, "https://127.0.0.1.evil.example": 403,
	} {
		if code, _, _ := s.ask(t, "GET", "/api/top", func(r *http.Request) { r.Header["Origin"] = []string{origin} }); code != want {
			t.Errorf("Origin %q: %d, want %d", origin, code, want)
		}
	}
	for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS"} {
		if code, h, _ := s.ask(t, method, "/readyz", nil); code != 405 || h.Get("Allow") != "GET, HEAD" {
			t.Errorf("%s: %d, %v", method, code, h)
		}
	}
	if code, _, body := s.ask(t, "HEAD", "/healthz", nil); code != 200 || body != "" {
		t.Errorf("HEAD: %d %q", code, body)
	}
}

func TestOpenToOthersOnlyIfThatWasSaid(t *testing.T) {
	for address, good := range map[string]bool{
		"127.0.0.1:0": true, "localhost:0": true, "[::1]:9090": true, "127.8.8.8:http": true,
		"0.0.0.0:0": false, ":9090": false, "[::]:9090": false, "192.168.7.7:80": false, "gw.example:80": false,
		"9090": false, "127.0.0.1": false, "127.0.0.1:": false, "127.0.0.1:99999": false, "": false,
	} {
		if err := CheckAddress(address, false); (err == nil) != good {
			t.Errorf("%q: %v", address, err)
		}
	}
	if err := CheckAddress("0.0.0.0:9090", false); err == nil || !strings.Contains(err.Error(), "--insecure") || !strings.Contains(err.Error(), "127.0.0.1:9090") {
		t.Errorf("the remedy is not named: %v", err)
	}
	o := options()
	o.Address, o.Insecure = "0.0.0.0:0", true
	s := serve(t, o)
	for host, want := range map[string]int{"192.168.7.7": 200, "evil.example": 403} {
		s.addr = "127.0.0.1" + s.addr[strings.LastIndexByte(s.addr, ':'):]
		if code, _, _ := s.ask(t, "GET", "/healthz", func(r *http.Request) { r.Host = host }); code != want {
			t.Errorf("Host %s: %d, want %d", host, code, want)
		}
	}
}

func TestAPortInUseIsNamed(t *testing.T) {
	s := serve(t, options())
	o := options()
	o.Address = s.addr
	if _, err := New(o); err == nil || !strings.Contains(err.Error(), s.addr) {
		t.Errorf("got %v", err)
	}
}

// An answer that is under way when the end comes is given.
func TestTheEndWaitsForAnswers(t *testing.T) {
	asked, answer := make(chan struct{}), make(chan struct{})
	o := options()
	o.Metrics = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(asked)
		<-answer
		fmt.Fprint(w, "after all")
	})
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }() // ends with ctx
	c, err := net.Dial("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprintf(c, "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
	<-asked
	cancel()
	close(answer)
	text, err := io.ReadAll(bufio.NewReader(c))
	if err != nil || !strings.HasSuffix(string(text), "after all") {
		t.Errorf("%v: %q", err, text)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// Whoever takes all connections waits for himself; who comes then is served when one
// has gone.
func TestConnectionsAreBounded(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := bound(l, 1)
	accepted := make(chan net.Conn) // sent by the goroutine below, closed with it
	go func() {                     // ends with the listener
		defer close(accepted)
		for {
			c, err := b.Accept()
			if err != nil {
				return
			}
			accepted <- c
		}
	}()
	for range 2 {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}
	first := <-accepted
	if len(b.(*bounded).room) != 1 {
		t.Error("the first takes no room")
	}
	select {
	case <-accepted:
		t.Error("the second was let in beside the first")
	default:
	}
	_, _ = first.Close(), first.Close() // twice makes room once
	second := <-accepted
	_, _ = b.Close(), second.Close()
	for range accepted {
		t.Error("another one")
	}
}
