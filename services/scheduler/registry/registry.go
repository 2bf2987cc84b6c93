package registry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/google/uuid"

	"zmicroservices/services/scheduler/peer"
)

// Errors that callers branch on.
var (
	ErrLed    = errors.New("another scheduler leads")
	ErrClosed = errors.New("registry is closed")
)

// Registry is what API and scheduler share. Its methods may be called from many
// goroutines and processes; each call is one step for all of them.
type Registry interface {
	// Run does the registry's own work until ctx ends. The other methods may need it.
	Run(ctx context.Context) error
	// Identity gives the LOCAL_UUID; proposed is it from now on if there is none.
	Identity(ctx context.Context, proposed uuid.UUID) (uuid.UUID, error)
	// Peers gives all of a kind, in no order. An entry that cannot be read is left out.
	Peers(ctx context.Context, kind peer.Kind) ([]peer.Peer, error)
	// Note keeps peers; of each the newest word (peer.Newer).
	Note(ctx context.Context, kind peer.Kind, peers []peer.Peer) error
	// Forget removes peers.
	Forget(ctx context.Context, kind peer.Kind, ids []uuid.UUID) error
	// Lead takes the lease for holder, or goes on with it, for ttl from now.
	// ErrLed: another holder has it.
	Lead(ctx context.Context, holder string, ttl time.Duration) (Lease, error)
	// Resign gives the lease back, if it is still that one.
	Resign(ctx context.Context, lease Lease) error
	// Own gives what SetOwn kept, a zero value if it never did.
	Own(ctx context.Context) (Own, error)
	// SetOwn keeps our addresses. ErrLed: the lease is not held any more.
	SetOwn(ctx context.Context, lease Lease, own Own) error
	// Close gives back what Open took. Run has ended by then.
	Close() error
}

// Lease is the right to lead.
type Lease struct {
	Holder string
	Token  int64 // grows each time the lease changes hands
}

// Own is what our address is, as the producers were told it.
type Own struct {
	Addresses string // of each family, as hostaddr.Addresses writes them
	Told      bool   // all producers have heard of it
}

// Options say how a registry is opened.
type Options struct {
	Logger *slog.Logger
	Prefix string // of the keys in Redis; "" is DefaultPrefix
	Most   int    // peers of a kind that are read; 0 is 10,000
}

// DefaultPrefix is before each key in Redis.
const DefaultPrefix = "zms:"

// InMemory is the place of a registry that keeps nothing.
const InMemory = "memory"

// Open opens the registry at a place: redis://…, rediss://… or unix://… for Redis
// (the URLs of its client), InMemory, or else a file.
func Open(ctx context.Context, place string, o Options) (Registry, error) {
	if o.Logger == nil {
		return nil, errors.New("registry options: no Logger")
	}
	if o.Prefix == "" {
		o.Prefix = DefaultPrefix
	}
	if o.Most == 0 {
		o.Most = 10_000
	}
	scheme, _, isURL := strings.Cut(place, "://")
	switch {
	case place == "":
		return nil, errors.New("registry: no place: name a file, or redis://HOST:PORT/DB")
	case place == InMemory:
		return NewMemory(), nil
	case scheme == "redis", scheme == "rediss", scheme == "unix":
		return openRedis(place, o)
	case isURL:
		return nil, fmt.Errorf("registry %q: a place is a file, or begins with redis://, rediss:// or unix://", scheme+"://…")
	}
	return openFile(ctx, place, o)
}

// Check says whether Open would understand a place.
func Check(place string) error {
	scheme, _, isURL := strings.Cut(place, "://")
	switch {
	case place == "", place == InMemory, !isURL:
		return nil
	case scheme == "redis", scheme == "rediss", scheme == "unix":
		_, err := parseURL(place)
		return err
	}
	return fmt.Errorf("store %q: it is a file, or begins with redis://, rediss:// or unix://", scheme+"://…")
}
