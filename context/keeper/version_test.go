package keeper

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// recorded is a keeper that says what one of version 1 said to the same questions
// (testdata/keeper-v1.txt, recorded from it: > is the provider, < the keeper).
func recorded(t *testing.T, dir string) {
	t.Helper()
	text, err := os.ReadFile("testdata/keeper-v1.txt")
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", filepath.Join(dir, SocketName))
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{}) // closed at its end
	t.Cleanup(func() { _ = l.Close(); <-done })
	serve := func(c net.Conn) {
		defer func() { _ = c.Close() }()
		in := bufio.NewScanner(c)
		for line := range strings.Lines(string(text)) {
			var m message
			if err := json.Unmarshal([]byte(line[2:]), &m); err != nil {
				t.Error(err)
				return
			}
			if line[0] == '<' {
				if m.Kind == kindHello {
					m.PID = os.Getpid() // of one that lives
				}
				out, _ := m.encode(nil)
				_, _ = c.Write(out)
				continue
			}
			for in.Scan() { // what it knows not, it passes over
				var said message
				if err := json.Unmarshal(in.Bytes(), &said); err != nil {
					t.Error(err)
				}
				if said.Kind == kindHello && said.Epoch == 0 {
					fmt.Fprintln(c, `{"kind":"refused","version":1,"epoch":1,"err":"epoch 0 is not newer than 1"}`)
					return
				}
				if said.Kind == m.Kind {
					break
				}
			}
		}
	}
	go func() { // ends with the listener
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			serve(c)
		}
	}()
}

func TestKeeperOneVersionBackWorks(t *testing.T) {
	dir := t.TempDir()
	recorded(t, dir)
	c, met, err := Attach(t.Context(), Options{RuntimeDir: dir})
	if err != nil || !met {
		t.Fatalf("met %v: %v", met, err)
	}
	defer func() { _ = c.Close() }()
	h := &held{Client: c, t: t, dir: dir}
	first, second := ID{"tr", "ts001", 1, ""}, ID{"tr", "ts002", 1, ""}
	h.spawn(Spec{ID: first, Path: "/bin/sh", Argv: []string{"sh", "-c", "exit 5"}})
	if ev := h.await(first, Gone); ev.Code != 5 || h.seen[0].Kind != Spawned {
		t.Errorf("got %+v", h.seen)
	}
	h.spawn(Spec{ID: second, Path: "/bin/sleep", Argv: []string{"sleep", "60"}})
	h.await(second, Spawned)
	list := h.statuses()
	if list["ts001"].State != Over || list["ts001"].Code != 5 || list["ts002"].State != Running || list["ts002"].PID != 16600 {
		t.Errorf("got %+v", list)
	}
	if st, err := c.Stats(t.Context()); err != nil || st.Live != 1 {
		t.Errorf("got %+v, %v", st, err)
	}
	if err := c.Release("front"); !errors.Is(err, ErrVersion) {
		t.Errorf("a request of version 2: got %v", err)
	}
	if err := c.send(&message{Kind: kindPing}); err != nil {
		t.Fatal(err)
	}
	if err := c.Kill(second); err != nil {
		t.Fatal(err)
	}
	h.await(second, Gone)
	for range h.Events() {
	}
	if err := c.Err(); !errors.Is(err, ErrFenced) || !strings.Contains(err.Error(), "epoch 3 took over") {
		t.Errorf("got %v", err)
	}
}

// A provider one version back says and reads what it always did.
func TestProviderOneVersionBackWorks(t *testing.T) {
	h := start(t, func(o *Options) { o.Linger = time.Hour })
	text, err := os.ReadFile("testdata/keeper-v1.txt")
	if err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("unix", filepath.Join(h.dir, SocketName))
	if err != nil {
		t.Fatal(err)
	}
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	in := bufio.NewScanner(c)
	for line := range strings.Lines(string(text)) {
		if line[0] == '>' {
			fmt.Fprint(c, line[2:])
			continue
		}
		var want, got message
		if err := json.Unmarshal([]byte(line[2:]), &want); err != nil {
			t.Fatal(err)
		}
		if want.Kind == kindRefused { // the recorded one was taken over
			break
		}
		for got.Kind == "" || got.Kind == kindNote {
			if !in.Scan() {
				t.Fatalf("await %s: %v", line, in.Err())
			}
			got = message{}
			if err := json.Unmarshal(in.Bytes(), &got); err != nil {
				t.Fatal(err)
			}
		}
		if got.Kind != want.Kind || got.Req != want.Req || len(got.List) != len(want.List) {
			t.Fatalf("got %s, want %s", in.Text(), line)
		}
		if want.Event != nil && (got.Event.Seq != want.Event.Seq || got.Event.Kind != want.Event.Kind ||
			got.Event.ID != want.Event.ID || got.Event.Code != want.Event.Code || got.Event.Signal != want.Event.Signal) {
			t.Fatalf("got %s, want %s", in.Text(), line)
		}
	}
	fmt.Fprintln(c, `{"kind":"shutdown"}`)
	<-h.ended
	_ = c.Close()
}
