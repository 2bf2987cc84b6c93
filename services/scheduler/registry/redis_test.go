package registry

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"

	"zmicroservices/services/scheduler/peer"
)

// Programs of other makes share these keys.
func TestTheKeysInRedis(t *testing.T) {
	server := newRedis(t)
	options := quiet
	options.Prefix = "p*[2]:"
	opened, err := Open(t.Context(), server.url(), options)
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	raw := opened.(*shared).db
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	id, theirs := uuid.New(), uuid.New()
	if err := opened.Note(t.Context(), peer.Consumer, []peer.Peer{{UUID: id, IP: "10.0.0.1:8090", LastSeen: at}}); err != nil {
		t.Fatal(err)
	}
	if _, err := opened.Identity(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	got := raw.HGetAll(t.Context(), "p*[2]:consumer:"+id.String()).Val()
	if len(got) != 3 || got["uuid"] != id.String() || got["ip"] != "10.0.0.1:8090" || got["last_seen"] != "2026-03-01T12:00:00.000000000Z" {
		t.Errorf("hash %v", got)
	}
	if got := raw.Get(t.Context(), "p*[2]:local_uuid").Val(); got != id.String() {
		t.Errorf("local_uuid %q", got)
	}

	ctx := t.Context()
	for _, c := range []*redis.IntCmd{
		raw.HSet(ctx, "p*[2]:consumer:"+theirs.String(), "uuid", theirs.String(), "ip", "10.0.0.2", "last_seen", "2026-03-01T12:00:00.5"),
		raw.HSet(ctx, "p*[2]:consumer:"+uuid.NewString(), "uuid", uuid.NewString(), "ip", "10.0.0.3", "last_seen", "1"), // the key of another
		raw.HSet(ctx, "p*[2]:consumer:"+uuid.NewString(), "ip", "0.0.0.0"),
		raw.HSet(ctx, "pxx2:consumer:"+theirs.String(), "uuid", theirs.String(), "ip", "10.9.9.9", "last_seen", "5"), // another prefix
		raw.RPush(ctx, "p*[2]:consumer:list", "x"),
	} {
		if c.Err() != nil {
			t.Fatal(c.Err())
		}
	}
	all := peers(t, opened, peer.Consumer)
	if len(all) != 2 || all[1].UUID != theirs || !all[1].LastSeen.Equal(at.Add(500*time.Millisecond)) {
		t.Errorf("consumers %v", all)
	}
}

func TestRedisComesBack(t *testing.T) {
	server := newRedis(t)
	r, err := Open(t.Context(), server.url(), quiet)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	id := uuid.New()
	if got, err := r.Identity(t.Context(), id); err != nil || got != id {
		t.Fatal(got, err)
	}
	server.kill()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if _, err := r.Identity(ctx, uuid.New()); err == nil {
		t.Fatal("an identity of a Redis that is gone")
	}
	server.start() // it has forgotten everything
	if got, err := r.Identity(ctx, id); err != nil || got != id {
		t.Fatal(got, err)
	}
}
