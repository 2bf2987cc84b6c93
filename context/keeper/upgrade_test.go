package keeper

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// program puts a program into the keeper's store.
func (h *held) program(path string) string {
	h.t.Helper()
	f, err := os.Open(path)
	if err != nil {
		h.t.Fatal(err)
	}
	defer f.Close()
	if err := h.Store("program", f); err != nil {
		h.t.Fatal(err)
	}
	return "program"
}

func (h *held) self() string { return h.program("/proc/self/exe") }

// script writes a program.
func script(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(path, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

// threads tells one program in a process from the next: their threads are others.
func threads(pid int) string {
	entries, _ := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return strings.Join(names, " ")
}

func TestAnotherProgramGoesOnWithEverything(t *testing.T) {
	h := start(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Store("front", listener.(*net.TCPListener)); err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	_ = listener.Close()

	family := h.logged(spec("family", "child", "family", "2"))
	family.Stop.Grace = 200 * time.Millisecond
	chatter := h.logged(spec("chatter", "child", "print", "2000"))
	stubborn := h.logged(spec("stubborn", "child", "stubborn"))
	stubborn.Stop.Grace = time.Second
	daemon := h.logged(spec("daemon", "child", "daemon", "stay"))
	dead := spec("dead", "child", "exit", "5")
	pids := map[ID]int{}
	for _, s := range []Spec{family, stubborn, daemon, chatter, dead} {
		pids[s.ID] = h.await(h.spawn(s), Spawned).PID
	}
	h.awaitLog(family.Output.Log, "up")
	h.awaitLog(stubborn.Output.Log, "up")
	h.await(dead.ID, Gone) // told, and not acknowledged
	if err := h.Stop(stubborn.ID, nil); err != nil {
		t.Fatal(err)
	}
	until(t, "the stop to be under way", func() bool { return h.statuses()["stubborn"].State == Stopping })

	before := threads(h.PID())
	for range 2 { // and once more, from one that was itself handed over
		if err := h.Upgrade(t.Context(), h.self()); err != nil {
			t.Fatal(err)
		}
	}
	if threads(h.PID()) == before {
		t.Fatal("the program is the same")
	}

	list := h.statuses()
	for id, pid := range pids {
		if st, ok := list[id.Task]; ok && st.PID != pid || !ok && id.Task != "chatter" {
			t.Errorf("%s: pid was %d, and is %+v", id, pid, st)
		}
	}
	if st := list["dead"]; st.State != Over || st.Code != 5 {
		t.Errorf("an exit that was not acknowledged: %+v", st)
	}
	if st := list["stubborn"]; !st.Exited && st.State != Over && (st.State != Stopping || st.Ending == nil) {
		t.Errorf("a stop that was under way: %+v", st)
	}
	// The stop goes on, and ends by SIGKILL; what the daemon left is still known.
	if ev := h.await(stubborn.ID, Exited); ev.Signal != syscall.SIGKILL {
		t.Errorf("got %+v", ev)
	}
	if ev := h.await(chatter.ID, Exited); ev.Code != 0 || ev.Lost != nil {
		t.Errorf("got %+v", ev)
	}
	h.await(chatter.ID, Gone)
	text := h.awaitLog(chatter.Output.Log, " 1999")
	if n := strings.Count(text, " out "); n != 2000 {
		t.Errorf("%d of 2000 lines are in the file", n)
	}
	if err := syscall.Kill(pids[family.ID], syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if ev := h.await(family.ID, Exited); ev.Signal != syscall.SIGKILL || ev.Lost != nil {
		t.Errorf("got %+v", ev)
	}
	if ev := h.await(family.ID, Gone); len(ev.Survivors) > 0 {
		t.Errorf("got %+v", ev)
	}
	if err := h.Kill(daemon.ID); err != nil {
		t.Fatal(err)
	}
	if ev := h.await(daemon.ID, Gone); len(ev.Survivors) > 0 {
		t.Errorf("got %+v", ev)
	}
	// It spawns, and keeps what it was given.
	if ev := h.await(h.spawn(spec("next", "child", "exit", "3")), Gone); ev.Code != 3 {
		t.Errorf("got %+v", ev)
	}
	waiting, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatalf("the listener is gone: %v", err)
	}
	_ = waiting.Close()
	if names, err := h.Stored(t.Context()); err != nil || !slices.Equal(names, []string{"front", "program"}) {
		t.Errorf("stored: %q, %v", names, err)
	}
}

func TestAProgramThatDoesNotTakeOverChangesNothing(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"no program":      {"this is text\n", "exec format error"},
		"ends at once":    {"#!/bin/sh\necho no idea >&2\nexit 1\n", "exit code 1: no idea"},
		"of another kind": {"#!/bin/sh\nexec /bin/true\n", "exit code 0"},
	} {
		t.Run(name, func(t *testing.T) {
			h := start(t)
			s := spec("ts001", "child", "hang")
			pid := h.await(h.spawn(s), Spawned).PID
			before := threads(h.PID())
			err := h.Upgrade(t.Context(), h.program(script(t, c.text)))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
			if st := h.statuses()["ts001"]; st.PID != pid || st.State != Running {
				t.Errorf("got %+v", st)
			}
			if now := threads(h.PID()); !strings.HasPrefix(now, strings.Fields(before)[0]) {
				t.Errorf("threads were %s and are %s", before, now)
			}
			if err := h.Upgrade(t.Context(), h.self()); err != nil {
				t.Errorf("afterwards one that does is refused: %v", err)
			}
		})
	}
	h := start(t)
	if err := h.Upgrade(t.Context(), "nothing"); !errors.Is(err, ErrNoDescriptor) {
		t.Errorf("got %v", err)
	}
}

func TestWhatANewerKeeperLeavesIsRefused(t *testing.T) {
	for text, want := range map[string]string{
		`{"format":2}`: "of format 2", `{}`: "of format 0", `nonsense`: "read what the keeper hands over",
		`{"format":1,"slots":[{"spec":{"kind":"spawn"}}]}`: "no spec",
	} {
		if _, err := readEstate([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
	}
}
