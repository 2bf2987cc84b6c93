package registry

import (
	"cmp"
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"zmicroservices/services/scheduler/peer"
)

// everyKind runs a test on each kind of registry. again opens the same one once more,
// as another process would.
func everyKind(t *testing.T, test func(t *testing.T, again func() Registry)) {
	memory := NewMemory()
	run := func(place string) func(t *testing.T) {
		return func(t *testing.T) {
			if place == "redis" {
				place = newRedis(t).url()
			} else if place == "file" {
				place = filepath.Join(t.TempDir(), "scheduler.db")
			}
			test(t, func() Registry {
				if place == InMemory {
					return memory
				}
				r, err := Open(t.Context(), place, quiet)
				if err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithCancel(context.Background())
				ended := make(chan error, 1)
				go func() { ended <- r.Run(ctx) }() // ends with the test
				t.Cleanup(func() {
					cancel()
					if err := errors.Join(<-ended, r.Close()); err != nil {
						t.Error(err)
					}
				})
				return r
			})
		}
	}
	for _, place := range []string{InMemory, "file", "redis"} {
		t.Run(place, run(place))
	}
}

func peers(t *testing.T, r Registry, kind peer.Kind) []peer.Peer {
	t.Helper()
	all, err := r.Peers(t.Context(), kind)
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(all, func(a, b peer.Peer) int { return cmp.Compare(a.IP, b.IP) })
	return all
}

func TestTheIdentityIsCreatedOnce(t *testing.T) {
	everyKind(t, func(t *testing.T, again func() Registry) {
		const n = 8
		var ids [n]uuid.UUID
		var all sync.WaitGroup
		for i := range n {
			r := again()
			all.Go(func() {
				id, err := r.Identity(t.Context(), uuid.New())
				if err != nil {
					t.Error(err)
				}
				ids[i] = id
			})
		}
		all.Wait()
		for _, id := range ids {
			if id == uuid.Nil || id != ids[0] {
				t.Fatalf("identities %v", ids)
			}
		}
	})
}

func TestTheNewestWordOnAPeerIsKept(t *testing.T) {
	everyKind(t, func(t *testing.T, again func() Registry) {
		r, other := again(), again()
		at := time.Date(2026, 3, 1, 12, 0, 0, 123_456_789, time.UTC)
		a, b := uuid.New(), uuid.New()
		note := func(kind peer.Kind, said ...peer.Peer) {
			t.Helper()
			if err := r.Note(t.Context(), kind, said); err != nil {
				t.Fatal(err)
			}
		}
		note(peer.Consumer, peer.Peer{UUID: a, IP: "10.0.0.1", LastSeen: at}, peer.Peer{UUID: b, IP: "[fd00::2]:8090", LastSeen: at})
		note(peer.Producer, peer.Peer{UUID: a, IP: "10.0.0.9", LastSeen: at})
		note(peer.Consumer, peer.Peer{UUID: a, IP: "10.0.0.5", LastSeen: at.Add(-time.Nanosecond)}, peer.Peer{UUID: b, IP: "[fd00::3]:8090", LastSeen: at.Add(time.Nanosecond)})
		note(peer.Consumer, peer.Peer{UUID: a, IP: "10.0.0.6", LastSeen: at}) // the same time: what is known stays
		want := []peer.Peer{{UUID: a, IP: "10.0.0.1", LastSeen: at}, {UUID: b, IP: "[fd00::3]:8090", LastSeen: at.Add(time.Nanosecond)}}
		if got := peers(t, other, peer.Consumer); !slices.Equal(got, want) {
			t.Errorf("consumers %v, want %v", got, want)
		}
		if got := peers(t, other, peer.Producer); len(got) != 1 || got[0].IP != "10.0.0.9" {
			t.Errorf("producers %v", got)
		}
		if err := other.Forget(t.Context(), peer.Consumer, []uuid.UUID{a, uuid.New()}); err != nil {
			t.Fatal(err)
		}
		if got := peers(t, r, peer.Consumer); !slices.Equal(got, want[1:]) {
			t.Errorf("after one was forgotten: %v", got)
		}
		if got := peers(t, r, peer.Producer); len(got) != 1 {
			t.Errorf("a producer was forgotten with the consumer: %v", got)
		}
	})
}

func TestAThousandPeersAtOnce(t *testing.T) {
	everyKind(t, func(t *testing.T, again func() Registry) {
		r := again()
		many := make([]peer.Peer, 1000)
		for i := range many {
			many[i] = peer.Peer{UUID: uuid.New(), IP: "10.0.0.1", LastSeen: time.Now()}
		}
		if err := r.Note(t.Context(), peer.Consumer, many); err != nil {
			t.Fatal(err)
		}
		if got := peers(t, r, peer.Consumer); len(got) != len(many) {
			t.Errorf("%d of %d", len(got), len(many))
		}
	})
}

func TestWritersDoNotUndoEachOther(t *testing.T) {
	everyKind(t, func(t *testing.T, again func() Registry) {
		const n = 20
		id, at := uuid.New(), time.Now().UTC()
		var all sync.WaitGroup
		for _, r := range []Registry{again(), again()} {
			all.Go(func() {
				for i := range n {
					err := r.Note(t.Context(), peer.Consumer, []peer.Peer{{UUID: id, IP: peer.Address("10.0.0." + string(rune('1'+i%9))), LastSeen: at.Add(time.Duration((i * 7 % n)) * time.Second)}})
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		if got := peers(t, again(), peer.Consumer); len(got) != 1 || !got[0].LastSeen.Equal(at.Add((n-1)*time.Second)) {
			t.Errorf("%v, want the one of %v", got, at.Add((n-1)*time.Second))
		}
	})
}

func TestOneLeads(t *testing.T) {
	everyKind(t, func(t *testing.T, again func() Registry) {
		a, b := again(), again()
		first, err := a.Lead(t.Context(), "a", time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.Lead(t.Context(), "b", time.Hour); !errors.Is(err, ErrLed) {
			t.Fatalf("two lead: %v", err)
		}
		if renewed, err := a.Lead(t.Context(), "a", time.Hour); err != nil || renewed != first {
			t.Fatalf("renewed: %v %v, was %v", renewed, err, first)
		}
		if err := a.SetOwn(t.Context(), first, Own{"10.0.0.1", true}); err != nil {
			t.Fatal(err)
		}
		if err := a.Resign(t.Context(), first); err != nil {
			t.Fatal(err)
		}
		second, err := b.Lead(t.Context(), "b", time.Hour)
		if err != nil || second.Token <= first.Token {
			t.Fatalf("after a resigned: %v %v", second, err)
		}
		// One that does not know yet that it leads no more changes nothing.
		if err := a.SetOwn(t.Context(), first, Own{"10.0.0.2", true}); !errors.Is(err, ErrLed) {
			t.Errorf("the old leader writes: %v", err)
		}
		if err := a.Resign(t.Context(), first); err != nil {
			t.Error(err)
		}
		if _, err := a.Lead(t.Context(), "a", time.Hour); !errors.Is(err, ErrLed) {
			t.Errorf("the old leader resigned for the new one: %v", err)
		}
		if own, err := b.Own(t.Context()); err != nil || own != (Own{"10.0.0.1", true}) {
			t.Errorf("own %v %v", own, err)
		}
	})
}

func TestALeaseRunsOut(t *testing.T) {
	everyKind(t, func(t *testing.T, again func() Registry) {
		a, b := again(), again()
		first, err := a.Lead(t.Context(), "a", 20*time.Millisecond)
		if err != nil {
			t.Fatal(err)
		}
		for end := time.Now().Add(time.Minute); ; <-time.After(5 * time.Millisecond) {
			second, err := b.Lead(t.Context(), "b", time.Hour)
			if err == nil {
				if second.Token <= first.Token {
					t.Errorf("token %d after %d", second.Token, first.Token)
				}
				return
			}
			if !errors.Is(err, ErrLed) || time.Now().After(end) {
				t.Fatal(err)
			}
		}
	})
}

func TestAPlaceIsUnderstoodOrRefused(t *testing.T) {
	for place, want := range map[string]string{
		"http://x": "begins with redis://", "redis://:secret@h:port/": "URL of Redis", "redis://h/x": "URL of Redis",
	} {
		_, err := Open(t.Context(), place, quiet)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", place, err)
		}
		if Check(place) == nil {
			t.Errorf("%s passes", place)
		}
	}
	for _, place := range []string{"", InMemory, "/var/x.db", "redis://127.0.0.1:6379/3", "unix:///run/redis.sock"} {
		if err := Check(place); err != nil {
			t.Errorf("%s: %v", place, err)
		}
	}
}
