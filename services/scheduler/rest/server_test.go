package rest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"zmicroservices/services/scheduler/engine"
	"zmicroservices/services/scheduler/peer"
)

func TestASyncTellsWhoIsKnown(t *testing.T) {
	a := serve(t, nil)
	var got struct {
		UUID      string
		IP        string
		Consumers []struct{ UUID, IP, Last_seen string }
	}
	sync := func(body string, header ...string) {
		t.Helper()
		response, text := a.ask(t, "POST", "/sync", body, append(header, "Content-Type", "application/json; charset=utf-8")...)
		got.Consumers = nil
		if err := json.Unmarshal([]byte(text), &got); err != nil || response.StatusCode != 200 {
			t.Fatalf("%d %s %v", response.StatusCode, text, err)
		}
	}
	sync(`{"uuid":"` + anID + `"}`)
	if got.UUID != a.engine.UUID().String() || got.IP != a.Address() || len(got.Consumers) != 1 || got.Consumers[0].IP != "127.0.0.1" {
		t.Errorf("%+v", got)
	}
	if _, err := time.Parse(time.RFC3339Nano, got.Consumers[0].Last_seen); err != nil {
		t.Error(err)
	}
	other := uuid.NewString()
	for range 2 { // it may be repeated
		sync(`{"uuid":"` + other + `","ip":"[::1]:8090"}`)
	}
	if len(got.Consumers) != 2 {
		t.Errorf("%+v", got)
	}
	// To one that knows the same there is nothing to tell, and to another there is.
	response, _ := a.ask(t, "POST", "/sync", `{"uuid":"`+other+`","ip":"[::1]:8090"}`)
	known := response.Header.Get(knownHeader)
	sync(`{"uuid":"`+other+`","ip":"[::1]:8090"}`, knownHeader, known)
	if known == "" || len(got.Consumers) != 0 {
		t.Errorf("to one that knows %q: %+v", known, got)
	}
	sync(`{"uuid":"`+other+`","ip":"[::1]:8090"}`, knownHeader, "rubbish")
	if len(got.Consumers) != 2 {
		t.Errorf("%+v", got)
	}
	a.ask(t, "POST", "/ip", `{"uuid":"`+other+`","ip":"[::1]:8091"}`)
	sync(`{"uuid":"` + anID + `"}`)
	if text := fmt.Sprint(got.Consumers); !strings.Contains(text, "[::1]:8091") {
		t.Errorf("after /ip: %s", text)
	}
}

func TestRefusalsAreJSONWithAStatus(t *testing.T) {
	a := serve(t, nil)
	good := `{"uuid":"` + anID + `"}`
	for _, c := range []struct {
		method, path, body, kind string
		want                     int
	}{
		{"POST", "/sync", good, "text/plain", 415},
		{"POST", "/sync", good, ";;", 415},
		{"POST", "/sync", "", "application/json", 400},
		{"POST", "/sync", `{"uuid":"` + anID + `","more":1}`, "", 400},
		{"POST", "/sync", `{"uuid":5}`, "", 400},
		{"POST", "/sync", strings.Repeat(" ", longestCall+1), "", 413},
		{"GET", "/sync", "", "", 405},
		{"PUT", "/ip", good, "", 405},
		{"POST", "/peers", "{}", "", 405},
		{"POST", "/ip", `{"uuid":"` + anID + `","ip":"224.0.0.1"}`, "", 400},
		{"POST", "/ip", good, "", 400}, // it says no ip
		{"GET", "/", "", "", 404},
		{"GET", "/sync/", "", "", 404},
		{"POST", "/%73ync/../x", "", "", 404},
	} {
		response, text := a.ask(t, c.method, c.path, c.body, "Content-Type", c.kind)
		if response.StatusCode != c.want || response.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s %s %.40q: %d %s, want %d", c.method, c.path, c.body, response.StatusCode, text, c.want)
		}
		accepts(t, "Error", text)
		if c.want == 405 && response.Header.Get("Allow") == "" {
			t.Errorf("%s %s: no Allow", c.method, c.path)
		}
	}
	for header, want := range map[string]int{"Origin": 403, "Content-Type": 200} {
		response, text := a.ask(t, "POST", "/sync", good, header, map[string]string{"Origin": "http://x", "Content-Type": "application/x-www-form-urlencoded"}[header])
		if response.StatusCode != want {
			t.Errorf("%s: %d %s", header, response.StatusCode, text)
		}
	}
	for range 50 {
		a.ask(t, "POST", "/sync", `{"uuid":"`+uuid.NewString()+`"}`)
	}
	response, text := a.ask(t, "POST", "/sync", `{"uuid":"`+uuid.NewString()+`"}`)
	if response.StatusCode != 503 || response.Header.Get("Retry-After") == "" {
		t.Errorf("one more than there is room for: %d %s", response.StatusCode, text)
	}
}

func TestTheSecretIsAskedFor(t *testing.T) {
	a := serve(t, func(o *Options) { o.Secret = "open sesame" })
	for said, want := range map[string]int{
		"": 401, "Bearer": 401, "Bearer open": 401, "Bearer open sesame!": 401, "Basic open sesame": 401, "Bearer open sesame": 200, "bearer open sesame": 200,
	} {
		response, text := a.ask(t, "POST", "/sync", `{"uuid":"`+anID+`"}`, "Authorization", said)
		if response.StatusCode != want || want == 401 && response.Header.Get("WWW-Authenticate") == "" {
			t.Errorf("%q: %d %s", said, response.StatusCode, text)
		}
	}
	if response, _ := a.ask(t, "GET", "/nothing", ""); response.StatusCode != 401 {
		t.Errorf("what there is is told to everybody: %d", response.StatusCode)
	}
	if response, _ := a.ask(t, "GET", "/openapi.json", ""); response.StatusCode != 200 {
		t.Errorf("the document: %d", response.StatusCode)
	}
	if _, err := a.client.Sync(t.Context(), peer.Address(a.Address()), peer.Call{UUID: uuid.New()}); err != nil {
		t.Error(err)
	}
	stranger := NewClient(ClientOptions{})
	defer stranger.Close()
	if _, err := stranger.Sync(t.Context(), peer.Address(a.Address()), peer.Call{UUID: uuid.New()}); err == nil || !strings.Contains(err.Error(), "401") {
		t.Errorf("without it: %v", err)
	}
}

func TestWhoCallsTooOftenIsRefused(t *testing.T) {
	a := serve(t, func(o *Options) { o.Rate, o.Burst = 0.001, 3 })
	for i := range 5 {
		response, text := a.ask(t, "GET", "/peers", "")
		want := 200
		if i >= 3 {
			want = 429
		}
		if response.StatusCode != want || want == 429 && response.Header.Get("Retry-After") == "" {
			t.Errorf("call %d: %d %s", i, response.StatusCode, text)
		}
	}
}

func TestTheTableOfSourcesIsBounded(t *testing.T) {
	l := newLimiters(1, 1, 10)
	now := time.Now()
	for i := range 1000 {
		l.allow(netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}), now)
	}
	if len(l.by) != 10 || l.recent.Len() != 10 {
		t.Errorf("%d and %d sources", len(l.by), l.recent.Len())
	}
	a, b := netip.MustParseAddr("fd00::1"), netip.MustParseAddr("fd00::2")
	if !l.allow(a, now) || l.allow(b, now) {
		t.Error("two of one network are not one source")
	}
	if !l.allow(b, now.Add(2*time.Second)) {
		t.Error("it never recovers")
	}
}

func TestBeyondLoopbackSomethingAuthenticates(t *testing.T) {
	for address, want := range map[string]bool{
		"127.0.0.1:1": false, "[::1]:1": false, "localhost:1": false, "127.9.9.9:0": false,
		"0.0.0.0:1": true, ":1": true, "[::]:1": true, "10.0.0.1:1": true, "db1:1": true,
	} {
		if got, err := Beyond(address); err != nil || got != want {
			t.Errorf("%s: %v %v", address, got, err)
		}
	}
	if _, err := Beyond("10.0.0.1"); err == nil {
		t.Error("an address without a port is taken")
	}
	a := serve(t, nil)
	var log bytes.Buffer
	try := func(change func(*Options)) error {
		log.Reset()
		o := Options{Address: "0.0.0.0:0", Engine: a.engine, Logger: slog.New(slog.NewTextHandler(&log, nil))}
		change(&o)
		s, err := Listen(o)
		if err == nil {
			err = s.Close()
		}
		return err
	}
	if err := try(func(*Options) {}); !errors.Is(err, ErrBeyond) {
		t.Errorf("for everybody: %v", err)
	}
	if err := try(func(o *Options) { o.PlainHTTP = true }); err != nil || !strings.Contains(log.String(), "plain_http allows it") {
		t.Errorf("plain_http: %v %s", err, &log)
	}
	if err := try(func(o *Options) { o.Secret = "x" }); err != nil || !strings.Contains(log.String(), "travels as it is") {
		t.Errorf("secret: %v %s", err, &log)
	}
}

// A client that says its request a byte at a time, or not at all, costs a connection for
// as long as the patience lasts, and others are served meanwhile.
func TestSlowClientsHoldUpNobody(t *testing.T) {
	a := serve(t, func(o *Options) { o.Patience, o.EachSource = time.Second, 20 })
	var slow []net.Conn
	for i := range 15 {
		conn := a.dial(t)
		switch i % 3 {
		case 0:
			fmt.Fprint(conn, "POST /sync HTTP/1.1\r\nHost: x\r\nX-")
		case 1:
			fmt.Fprint(conn, "POST /sync HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
		}
		slow = append(slow, conn)
	}
	for range 5 {
		if response, text := a.ask(t, "GET", "/peers", ""); response.StatusCode != 200 {
			t.Errorf("meanwhile: %d %s", response.StatusCode, text)
		}
	}
	for i, conn := range slow {
		if _, err := io.ReadAll(conn); err != nil && errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("connection %d is not closed: %v", i, err)
		}
	}
}

func TestThereIsRoomForSoManyConnections(t *testing.T) {
	a := serve(t, func(o *Options) { o.EachSource = 3 })
	var held []net.Conn
	for range 3 {
		conn := a.dial(t)
		fmt.Fprint(conn, "GET /peers HTTP/1.1\r\nHost: x\r\n\r\n")
		if response, err := http.ReadResponse(bufio.NewReader(conn), nil); err != nil || response.StatusCode != 200 {
			t.Fatal(err)
		}
		held = append(held, conn)
	}
	more := a.dial(t)
	if _, err := more.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a fourth: %v", err)
	}
	held[0].Close()
	for end := time.Now().Add(time.Minute); ; {
		conn := a.dial(t)
		fmt.Fprint(conn, "GET /peers HTTP/1.1\r\nHost: x\r\n\r\n")
		if _, err := http.ReadResponse(bufio.NewReader(conn), nil); err == nil {
			break
		}
		if time.Now().After(end) {
			t.Fatal("room is not given back")
		}
	}
}

func TestGarbageHarmsNothing(t *testing.T) {
	a := serve(t, func(o *Options) { o.Rate, o.Burst = 1e6, 1e6 })
	dice := rand.New(rand.NewPCG(1, 2))
	for i := range 100 {
		conn := a.dial(t)
		text := make([]byte, 1+dice.IntN(2000))
		for j := range text {
			text[j] = byte(dice.Uint32())
		}
		if i%2 == 0 {
			fmt.Fprintf(conn, "POST /sync HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\nConnection: close\r\n\r\n", len(text))
		}
		_, _ = conn.Write(text)
		_ = conn.(*net.TCPConn).CloseWrite()
		answer, _ := io.ReadAll(conn)
		if bytes.HasPrefix(answer, []byte("HTTP/1.1 200")) || bytes.HasPrefix(answer, []byte("HTTP/1.1 5")) {
			t.Errorf("%q is answered %s", text, answer)
		}
		conn.Close()
	}
	if response, text := a.ask(t, "POST", "/sync", `{"uuid":"`+anID+`"}`); response.StatusCode != 200 {
		t.Errorf("afterwards: %s", text)
	}
	if n := len(a.engine.Peers()); n != 1 {
		t.Errorf("%d peers are known", n)
	}
}

func TestTwoSchedulersOverHTTP(t *testing.T) {
	a, b := serve(t, nil), serve(t, nil)
	first, err := engine.New(engine.Options{
		Registry: memoryOf(t), Transport: a.client, Logger: slog.New(slog.DiscardHandler), Details: true,
		First: []peer.Address{peer.Address(a.Address()), peer.Address(b.Address())},
		Self:  func(peer.Address) peer.Address { return "127.0.0.1:9" },
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	if r := first.Round(t.Context()); r.Reached != 2 || r.Called != 2 {
		t.Errorf("%+v", r)
	}
	for _, k := range first.Peers() {
		if k.Availability != engine.Available || k.Name != "host1" || k.Version != "1.2.3" || len(k.Contexts) != 1 || k.Contexts[0].Transactions[0].States["started"] != 2 {
			t.Errorf("%+v", k)
		}
	}
	// a learns of b from its own call.
	if err := b.engine.HearAddress(t.Context(), peer.Call{UUID: a.engine.UUID(), IP: peer.Address(a.Address())}, netip.MustParseAddr("127.0.0.1")); err != nil {
		t.Fatal(err)
	}
	b.engine.Round(t.Context())
	all, err := a.client.Peers(t.Context(), peer.Address(a.Address()))
	if err != nil || len(all.Peers) != 2 || all.UUID != a.engine.UUID().String() || all.Name != "host1" {
		t.Errorf("%+v %v", all, err)
	}
}
