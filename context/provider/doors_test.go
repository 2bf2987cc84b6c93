package provider

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"zmicroservices/context/command"
	"zmicroservices/context/event"
	"zmicroservices/context/forwarder"
	"zmicroservices/context/keeper"
	"zmicroservices/taskservice/keys"
	"zmicroservices/taskservice/zmtp/curve"
)

// behindKeys makes a provider speak CURVE; its unix sockets are for us as before.
func behindKeys(t *testing.T) func(*Options) {
	t.Helper()
	dir := t.TempDir()
	if _, err := keys.Store(dir).CreateServer(); err != nil {
		t.Fatal(err)
	}
	return func(o *Options) { o.Curve = dir }
}

// keyOf is what a process was given.
func keyOf(c *children, ref event.Ref) (curve.Key, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	key, has := c.keyOf[ref]
	return key, has
}

// What an earlier provider gave to a process that is no more may have been copied, and
// its thief be back before anybody has looked.
func TestWhoCameByAKeyThatIsSweptIsHungUpOn(t *testing.T) {
	dir, server, log := filepath.Join(t.TempDir(), "keys"), curve.Key{1}, slog.New(slog.DiscardHandler)
	earlier, err := takeChildren(dir, server, log)
	if err != nil {
		t.Fatal(err)
	}
	stays, goes := event.Ref{Transaction: "T", Task: "stays", Incarnation: 1}, event.Ref{Transaction: "T", Task: "goes", Incarnation: 1}
	for _, ref := range []event.Ref{stays, goes} {
		if _, err := earlier.give(ref, nil); err != nil {
			t.Fatal(err)
		}
	}
	later, err := takeChildren(dir, server, log)
	if err != nil {
		t.Fatal(err)
	}
	kept, _ := keyOf(later, stays)
	gone, _ := keyOf(later, goes)
	expelled := map[string]int{}
	d := &doors{log: log, children: later, expel: func(_ error, which func(forwarder.Peer) bool) {
		for _, key := range []curve.Key{kept, gone} {
			if which(forwarder.Peer{Key: key.String()}) {
				expelled[key.String()]++
			}
		}
	}}
	held := []keeper.Status{{ID: slot(stays)}}
	d.sweep(held)
	d.sweep(nil) // is of an earlier provider's alone, and so done once
	if len(expelled) != 1 || expelled[gone.String()] != 1 {
		t.Errorf("hung up on %v, want on %s", expelled, gone)
	}
	if _, known := later.lookup(gone); known {
		t.Error("the key is known still")
	}
	if _, known := later.lookup(kept); !known {
		t.Error("a key that is needed is not known any more")
	}
	if _, err := os.Stat(later.path(goes) + keys.SecretSuffix); !os.IsNotExist(err) {
		t.Errorf("its file: %v", err)
	}
}

// A process that ends while there is no keeper is told of by the next one, or by us.
func TestTheKeyOfWhatEndsWithItsKeeperIsTakenBack(t *testing.T) {
	s := startWith(t, file(t, service("a", "/bin/sleep 1000", "")), behindKeys(t))
	s.say("start")
	pid := pid(t, s.hear("a", "started"))
	ref := event.Ref{Transaction: "T1", Task: "a", Incarnation: 1}
	key, has := keyOf(s.p.doors.children, ref)
	if !has {
		t.Fatal("it has no key")
	}
	k := s.p.hold.current().PID()
	for _, at := range []struct {
		pid    int
		signal syscall.Signal
	}{{k, syscall.SIGSTOP}, {pid, syscall.SIGKILL}, {k, syscall.SIGKILL}} {
		if err := syscall.Kill(at.pid, at.signal); err != nil {
			t.Fatal(err)
		}
	}
	await(t, "its key to be taken back", func() bool {
		_, known := s.p.doors.children.lookup(key)
		return !known
	})
}

func TestWhatIsGuardedForKeysAloneIsPlayedBack(t *testing.T) {
	s := startWith(t, file(t, service("a", "/bin/sleep 1000", "")), behindKeys(t))
	player := tape{s.p}
	for _, topic := range []string{"control", "choria.lifecycle.event.alive.a", "hippodamia.state.ping"} {
		if err := player.Play(command.Peer{}, [][]byte{fmt.Appendf(nil, "%s @@@ {}", topic)}, false); err != nil {
			t.Errorf("%s: %v", topic, err)
		}
	}
	for _, topic := range []string{"context", "process", "state"} {
		if err := player.Play(command.Peer{}, [][]byte{fmt.Appendf(nil, "%s @@@ {}", topic)}, false); err == nil {
			t.Errorf("a message on %s is played back", topic)
		}
	}
}

func TestAnAddressThatIsReadInTwoWaysIsRefused(t *testing.T) {
	for endpoint, open := range map[string]bool{
		"tcp://:::5555": true, "tcp://::1:5555": true, "tcp://fe80::1:5555": true, "tcp://[::]:5555": true, "tcp://eth0:5555": true,
		"tcp://0.0.0.0:5555": true, "tcp://[::1]:5555": false, "tcp://127.0.0.2:5555": false, "tcp://*:5555": false, "ipc:///run/x": false,
	} {
		if beyondLoopback(endpoint) != open {
			t.Errorf("%s: beyond loopback %t, want %t", endpoint, !open, open)
		}
	}
}
