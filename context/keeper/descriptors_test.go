package keeper

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// listening is a TCP listener and a descriptor of it.
func listening(t *testing.T) (*net.TCPListener, *os.File) {
	t.Helper()
	l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	f, err := l.File()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return l, f
}

// fetched makes a listener of what the keeper keeps.
func (h *held) fetched(name string) net.Listener {
	h.t.Helper()
	f, err := h.Fetch(h.t.Context(), name)
	if err != nil {
		h.t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	l, err := net.FileListener(f)
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { _ = l.Close() })
	return l
}

func TestClientsWaitInTheBacklogWhileAProviderIsAway(t *testing.T) {
	dir := t.TempDir()
	first := operate(t, dir, Forever, 30*time.Second)
	first.say("spawn ts001 hang") // something to come back for
	first.seen("ts001", Spawned)
	address := first.say("listen front")
	first.kill()

	if _, err := net.Listen("tcp", address); !errors.Is(err, syscall.EADDRINUSE) {
		t.Fatalf("somebody else got the port: %v", err)
	}
	client, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatalf("a client was turned away: %v", err)
	}
	defer func() { _ = client.Close() }()
	fmt.Fprintln(client, "is anybody there")

	h, _ := attach(t, dir)
	l := h.fetched("front")
	server, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = server.Close() }()
	if line, err := bufio.NewReader(server).ReadString('\n'); err != nil || line != "is anybody there\n" {
		t.Errorf("got %q, %v", line, err)
	}
	// Once released and closed here, the port is free.
	if err := h.Release("front"); err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
	again, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	_ = again.Close()
}

func TestStoreLeavesTheListenerAsItWas(t *testing.T) {
	h := start(t)
	l, f := listening(t)
	if err := h.Store("front", f); err != nil {
		t.Fatal(err)
	}
	_ = l.SetDeadline(time.Now().Add(10 * time.Millisecond))
	if _, err := l.Accept(); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("accept: %v", err) // or it hangs, being a blocking one now
	}
}

func TestStoreIsBoundedAndNamed(t *testing.T) {
	h := start(t)
	_, f := listening(t)
	for i := range maxDescriptors {
		if err := h.Store(fmt.Sprintf("s%02d", i), f); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.Store("one more", f); err == nil || err.Error() != "store descriptor one more: 64 descriptors are kept already" {
		t.Errorf("got %v", err)
	}
	if err := h.Store("", f); err == nil || !strings.Contains(err.Error(), "a name has 1 to 255 bytes") {
		t.Errorf("got %v", err)
	}
	before, err := h.Stats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	l, f := listening(t)
	if err := h.Store("s07", f); err != nil { // in place of the other
		t.Fatal(err)
	}
	if got := h.fetched("s07").Addr().String(); got != l.Addr().String() {
		t.Errorf("got %s, want %s", got, l.Addr())
	}
	// What was refused, or was there before, is closed a moment after its answer.
	for end := time.Now().Add(time.Minute); ; {
		after, err := h.Stats(t.Context())
		if err == nil && after.FDs <= before.FDs && after.Descriptors == maxDescriptors {
			break
		}
		if err != nil || time.Now().After(end) {
			t.Fatalf("before %+v, after %+v, %v", before, after, err)
		}
	}
	names, err := h.Stored(t.Context())
	if err != nil || len(names) != maxDescriptors || names[0] != "s00" || names[63] != "s63" {
		t.Errorf("got %v, %v", names, err)
	}
	if err := h.Release("s07"); err != nil {
		t.Fatal(err)
	}
	if err := h.Release("s07"); !errors.Is(err, ErrNoDescriptor) {
		t.Errorf("got %v", err)
	}
	if _, err := h.Fetch(t.Context(), "s07"); !errors.Is(err, ErrNoDescriptor) {
		t.Errorf("got %v", err)
	}
}

// Each descriptor comes with its own answer, whatever else is said at the time.
func TestDescriptorsKeepToTheirMessages(t *testing.T) {
	h := start(t)
	for i := range 8 {
		path := filepath.Join(h.dir, fmt.Sprint("s", i))
		if err := os.WriteFile(path, []byte(path), 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := h.Store(path, f); err != nil {
			t.Fatal(err)
		}
		_ = f.Close()
	}
	for i := range 300 { // nobody reads their events: the socket and the queues are full of them
		s := spec(fmt.Sprint("ts", i))
		s.Path, s.Argv = "/bin/true", []string{"true"}
		h.spawn(s)
	}
	errs := make(chan error) // one from each
	for i := range 8 {
		go func() { // ends after its rounds
			path := filepath.Join(h.dir, fmt.Sprint("s", i))
			var err error
			for range 50 {
				f, e := h.Fetch(t.Context(), path)
				if e != nil {
					err = e
					break
				}
				text, e := io.ReadAll(io.NewSectionReader(f, 0, 4096))
				if err = errors.Join(e, f.Close()); err == nil && string(text) != path {
					err = fmt.Errorf("got %s for %s", text, path)
				}
				if err != nil {
					break
				}
			}
			errs <- err
		}()
	}
	for range 8 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if n := len(h.rights); n > 0 {
		t.Errorf("%d descriptors belong to nobody", n)
	}
}

func TestFetchThatIsGivenUpLeavesNothingOpen(t *testing.T) {
	h := start(t)
	_, f := listening(t)
	if err := h.Store("front", f); err != nil {
		t.Fatal(err)
	}
	before := countDir("/proc/self/fd")
	for range 50 {
		ctx, cancel := context.WithCancel(t.Context())
		go cancel() // ends at once
		if f, err := h.Fetch(ctx, "front"); err == nil {
			_ = f.Close()
		}
	}
	if _, err := h.Stored(t.Context()); err != nil { // behind the last answer
		t.Fatal(err)
	}
	until(t, "all are closed", func() bool { return countDir("/proc/self/fd") <= before })
}

func TestUnaskedDescriptorsAreNotKept(t *testing.T) {
	h := start(t, func(o *Options) { o.Linger = time.Hour })
	h.await(h.spawn(spec("ts001", "child", "hang")), Spawned)
	before, err := h.Stats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_, f := listening(t)
	raw, err := f.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	for _, hello := range []string{"", `{"kind":"hello","version":2,"epoch":7}` + "\n"} {
		c, err := net.Dial("unix", filepath.Join(h.dir, SocketName))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(c, hello)
		for range 2 * maxRights {
			_ = raw.Control(func(fd uintptr) {
				_, _, _ = c.(*net.UnixConn).WriteMsgUnix([]byte(`{"kind":"sing"}`+"\n"), syscall.UnixRights(int(fd)), nil)
			})
		}
		_ = c.SetDeadline(time.Now().Add(20 * time.Second))
		_, _ = io.Copy(io.Discard, c) // until it is thrown out
		_ = c.Close()
	}
	second, _ := attach(t, h.dir)
	after, err := second.Stats(t.Context())
	if err != nil || after.FDs != before.FDs {
		t.Errorf("before %+v, after %+v, %v", before, after, err)
	}
}

func TestStoreAloneDoesNotKeepAKeeper(t *testing.T) {
	h := start(t, func(o *Options) { o.Linger = time.Hour })
	_, f := listening(t)
	if err := h.Store("front", f); err != nil {
		t.Fatal(err)
	}
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	<-h.ended
}
