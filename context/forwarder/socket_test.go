package forwarder

import (
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// keep copies the sockets of a forwarder, as a process would that outlives it.
func keep(t *testing.T, f *Forwarder) []*os.File {
	t.Helper()
	var files []*os.File
	for _, s := range f.Sockets() {
		raw, err := s.Socket.SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		if err := raw.Control(func(fd uintptr) {
			own, err := syscall.Dup(int(fd))
			if err != nil {
				t.Error(err)
			}
			files = append(files, os.NewFile(uintptr(own), s.Name))
		}); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		for _, f := range files {
			_ = f.Close()
		}
	})
	return files
}

// leave ends a forwarder as a crash would: what it has bound is not unlinked.
func leave(t *testing.T, f *Forwarder) {
	t.Helper()
	for _, l := range f.listeners {
		if unix, ok := l.deadlineListener.(*net.UnixListener); ok {
			unix.SetUnlinkOnClose(false)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestSocketsOfAnEarlierForwarderAreUsed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "back")
	o := Options{
		FrontBind: []string{"tcp://127.0.0.1:0"}, BackendBind: []string{"ipc://" + path}, Logger: slog.New(slog.DiscardHandler),
	}
	first, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, s := range first.Sockets() {
		names = append(names, s.Name)
	}
	if !slices.Equal(names, o.SocketNames()) || !IsSocketName(names[0]) || !IsSocketName(names[1]) {
		t.Errorf("sockets are named %q, and looked for as %q", names, o.SocketNames())
	}
	o.Inherited = keep(t, first)
	front := first.Front()[0]
	leave(t, first)

	waiting, err := net.Dial("unix", path)
	if err != nil {
		t.Fatalf("nobody holds the socket: %v", err)
	}
	defer waiting.Close()
	second, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	if got := second.Front()[0]; got != front {
		t.Errorf("front was %s and is %s", front, got)
	}
	if got := second.Back()[0]; got != "ipc://"+path {
		t.Errorf("back is %s", got)
	}
	c, err := second.listeners[1].Accept()
	if err != nil {
		t.Fatal(err)
	}
	_ = c.Close()
	if err := second.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(path); err == nil {
		t.Error("the end in order left the socket's file")
	}
}

func TestASocketWhoseFileIsGoneIsBoundAnew(t *testing.T) {
	path := filepath.Join(t.TempDir(), "front")
	var log strings.Builder
	o := Options{
		FrontBind: []string{"ipc://" + path}, BackendBind: []string{"tcp://127.0.0.1:0"},
		Logger: slog.New(slog.NewTextHandler(&log, nil)),
	}
	first, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	o.Inherited = keep(t, first)
	leave(t, first)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	second, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = second.Close() }()
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	_ = c.Close()
	if !strings.Contains(log.String(), "socket not inherited") {
		t.Errorf("the log says %q", log.String())
	}
}

func TestAnotherAddressIsAnotherSocket(t *testing.T) {
	names := func(front string, all bool) string {
		return Options{FrontBind: []string{front}, BindAll: all}.SocketNames()[0]
	}
	if names("tcp://*:1", false) == names("tcp://*:1", true) || names("tcp://*:1", true) == names("tcp://*:2", true) {
		t.Error("two sockets have one name")
	}
}
