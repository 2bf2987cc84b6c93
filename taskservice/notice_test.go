package taskservice

import (
	"net"
	"path/filepath"
	"testing"
)

func TestATaskTellsThatItIsReady(t *testing.T) {
	silent := &Session{}
	if err := silent.Ready(); err != nil {
		t.Errorf("nobody asked for it: %v", err)
	}
	address := filepath.Join(t.TempDir(), "n")
	l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: address, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s := &Session{config: Config{NotifySocket: address}}
	for want, say := range map[string]func() error{
		"READY=1": s.Ready, "WATCHDOG=1": s.Alive,
		"STATUS=two lines": func() error { return s.Status("two\nlines") },
	} {
		if err := say(); err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, 64)
		n, err := l.Read(buf)
		if err != nil || string(buf[:n]) != want {
			t.Errorf("got %q, want %q: %v", buf[:n], want, err)
		}
	}
	_ = l.Close()
	if err := s.Ready(); err == nil {
		t.Error("nobody was there, and it was told")
	}
}
