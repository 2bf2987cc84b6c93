package keeper

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"zmicroservices/context/keeper/kernel"
)

func TestSpecSurvivesTheWire(t *testing.T) {
	for _, s := range []Spec{
		spec("ts001", "child", "hang"),
		{
			ID: ID{"tr/x", "ts\n1", 7, "build"}, Path: "/bin/\xff", Argv: []string{"", "\x80", "a b"}, Env: []string{"A=\xfe", "B="},
			Dir: "/tmp", Stop: Recipe{-3, syscall.SIGINT, time.Second}, Output: Output{Log: "l\xc0g", Tail: 9},
		},
		{ID: ID{"tr", "ts", 1, ""}, Path: "/\xff", Argv: []string{"x"}, Env: []string{}},
	} {
		text, err := (&message{Kind: kindSpawn, Spec: &s}).encode(nil)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Count(text, []byte{'\n'}) != 1 {
			t.Errorf("more than a line: %q", text)
		}
		m, err := decode(text)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(&s, m.Spec); diff != "" {
			t.Errorf("differs (-want +got):\n%s", diff)
		}
	}
}

func TestCookieIsReadBack(t *testing.T) {
	for _, id := range []ID{{"tr", "ts001", 3, ""}, {"tr", "a/b", 18446744073709551615, ""}} {
		if got, ok := parseCookie(id.Cookie()); !ok || got != id {
			t.Errorf("%s: got %v %v", id.Cookie(), got, ok)
		}
	}
	for _, bad := range []string{"", "/", "a/b", "a/b/", "a/b/-1", "a/b/c"} {
		if _, ok := parseCookie(bad); ok {
			t.Errorf("%q was read", bad)
		}
	}
	if got := (ID{"tr", "ts", 1, "build"}).String(); got != "tr/ts/1#build" {
		t.Errorf("got %s", got)
	}
}

func TestLinesAreBounded(t *testing.T) {
	var l lines
	chunk := bytes.Repeat([]byte{'x'}, 1<<20)
	for range maxMessage>>20 + 2 {
		for rest := chunk; len(rest) > 0; {
			n := copy(l.room(), rest)
			l.filled(n)
			rest = rest[n:]
		}
		if _, err := l.next(); err != nil {
			return
		}
	}
	t.Error("an endless line was taken")
}

// The keeper must work with providers older and newer than itself, and outlive
// what no provider would say.
func TestForeignTalkIsTolerated(t *testing.T) {
	h := start(t, func(o *Options) { o.Linger = time.Hour })
	dial := func() (net.Conn, *bufio.Scanner) {
		c, err := net.Dial("unix", filepath.Join(h.dir, SocketName))
		if err != nil {
			t.Fatal(err)
		}
		_ = c.SetDeadline(time.Now().Add(20 * time.Second))
		return c, bufio.NewScanner(c)
	}
	answer := func(in *bufio.Scanner) map[string]any {
		t.Helper()
		for in.Scan() {
			var m map[string]any
			if err := json.Unmarshal(in.Bytes(), &m); err != nil {
				t.Fatal(err)
			}
			if m["kind"] != kindNote {
				return m
			}
		}
		return nil
	}
	for _, rude := range []string{
		`{"kind":"kill","id":{"transaction":"tr","task":"ts001","incarnation":1}}` + "\n",
		strings.Repeat("x", 1<<20),
	} {
		c, in := dial()
		go func() { _, _ = c.Write([]byte(rude)) }() // ends when the keeper closes
		if m := answer(in); m["kind"] != kindRefused {
			t.Errorf("%.20q: got %v", rude, m)
		}
		_ = c.Close()
	}
	if h.Err() != nil {
		t.Fatalf("strangers disturbed the provider: %v", h.Err())
	}

	c, in := dial()
	defer func() { _ = c.Close() }()
	exe, _ := os.Executable()
	fmt.Fprintln(c, `{"kind":"hello","version":99,"epoch":2,"shoe_size":46}`)
	fmt.Fprintln(c, `{"kind":"from_the_future","id":7}`)
	fmt.Fprintln(c, `{"kind":"sing","spec":{"path":"/bin/true"}}`)
	fmt.Fprintln(c, `not json`)
	fmt.Fprintln(c, `{"kind":"spawn"}`)
	fmt.Fprintf(c, `{"kind":"spawn","spec":{"id":{"transaction":"tr","task":"ts","incarnation":1},"path":%q,"argv":["x","child","exit","3"],"aura":"blue"}}`+"\n", exe)
	if m := answer(in); m["kind"] != kindHello || m["version"] != float64(Version) {
		t.Fatalf("got %v", m)
	}
	for _, want := range []string{"spawned", "exited", "gone"} {
		m := answer(in)
		ev, _ := m["event"].(map[string]any)
		if ev["kind"] != want {
			t.Fatalf("got %v, want %s", m, want)
		}
	}
	fmt.Fprintln(c, `{"kind":"shutdown"}`)
	for answer(in) != nil {
	}
	<-h.ended
}

func FuzzDecode(f *testing.F) {
	s := spec("ts001", "child", "hang")
	raw := s
	raw.Argv = []string{"\xff"}
	for _, m := range []*message{
		{Kind: kindHello, Version: 1, Epoch: 2, PID: 3},
		{Kind: kindSpawn, Spec: &s},
		{Kind: kindSpawn, Spec: &raw},
		{Kind: kindStop, ID: s.ID, Recipe: &Recipe{Rank: 1, Signal: 15, Grace: time.Second}},
		{Kind: kindEvent, Event: &Event{Seq: 1, Kind: Gone, ID: s.ID, Survivors: []int{1}}},
		{Kind: kindReply, Req: 1, List: []Status{{ID: s.ID}}},
		{Kind: kindReply, Req: 1, Stats: &Stats{RSS: 1}},
	} {
		text, err := m.encode(nil)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add([]byte(`{"kind":"spawn","spec":{},"strings":"AAA=","args":-1}`))
	f.Add([]byte(`{"kind":"spawn","spec":{},"strings":"AAAA","args":9}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		m, err := decode(line)
		if err != nil {
			return
		}
		if m.Kind == kindSpawn {
			_ = m.Spec.check()
		}
		text, err := m.encode(nil)
		if err != nil {
			t.Fatalf("what was decoded cannot be encoded: %v", err)
		}
		again, err := decode(text)
		if err != nil {
			t.Fatalf("what was encoded cannot be decoded: %v", err)
		}
		if again.Kind != m.Kind || again.ID != m.ID || again.Seq != m.Seq {
			t.Fatalf("%+v became %+v", m, again)
		}
	})
}

// FuzzLines cuts any stream, in any pieces, as bytes.Split would.
func FuzzLines(f *testing.F) {
	f.Add([]byte("a\nbc\n\nd"), 1)
	f.Add([]byte(strings.Repeat("x", 70000)+"\ny\n"), 4096)
	f.Fuzz(func(t *testing.T, stream []byte, piece int) {
		piece = max(1, piece%(1<<16))
		want := bytes.Split(stream, []byte{'\n'})
		var l lines
		got := 0
		for len(stream) > 0 {
			n := copy(l.room(), stream[:min(piece, len(stream))])
			l.filled(n)
			stream = stream[n:]
			for {
				line, err := l.next()
				if err != nil {
					t.Fatal(err)
				}
				if line == nil {
					break
				}
				if !bytes.Equal(line, want[got]) {
					t.Fatalf("line %d: got %q, want %q", got, line, want[got])
				}
				got++
			}
		}
		if got != len(want)-1 {
			t.Fatalf("%d lines, want %d", got, len(want)-1)
		}
	})
}

func FuzzParseStat(f *testing.F) {
	f.Add("1 (a) b) c) S 2 3 4 0 -1 4194304 1 0 0 0 1 2 0 0 20 0 1 0 123456 1 1")
	f.Add("1 (")
	f.Fuzz(func(t *testing.T, text string) {
		if st, ok := kernel.ParseStat(text); ok && st.State == 0 {
			t.Errorf("%q: got %+v", text, st)
		}
		_ = kernel.ParsePIDs(text)
	})
}
