package registry

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
	"github.com/redis/go-redis/v9/maintnotifications"

	"zmicroservices/services/scheduler/peer"
)

// How long Redis may take: it answers in less than a millisecond, or is away, and who
// asks goes on without it.
const (
	dialTime = 2 * time.Second
	callTime = 2 * time.Second
)

// batch is how many keys go in one exchange.
const batch = 256

// silence keeps the client from writing to standard error by itself: its errors come back
// to us, and are said once.
var silence = sync.OnceFunc(logging.Disable)

// shared is a registry in Redis.
type shared struct {
	db     *redis.Client
	prefix string
	most   int
}

func openRedis(place string, o Options) (Registry, error) {
	options, err := parseURL(place)
	if err != nil {
		return nil, err
	}
	options.DialTimeout, options.ReadTimeout, options.WriteTimeout = dialTime, callTime, callTime
	options.ContextTimeoutEnabled = true
	options.MaxRetries = 1 // a connection that went stale; whoever asks comes again
	options.DisableIdentity = true
	options.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	options.DialerRetries = 1
	silence()
	return &shared{redis.NewClient(options), o.Prefix, o.Most}, nil
}

// parseURL reads the URL of a Redis. Its error does not tell the password.
func parseURL(place string) (*redis.Options, error) {
	options, err := redis.ParseURL(place)
	if err != nil {
		var bad *url.Error
		if errors.As(err, &bad) {
			err = bad.Err // without the URL
		}
		return nil, fmt.Errorf("store: URL of Redis: %w", err)
	}
	return options, nil
}

func (s *shared) Run(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

func (s *shared) Close() error { return s.db.Close() }

func (s *shared) Identity(ctx context.Context, proposed uuid.UUID) (uuid.UUID, error) {
	key := s.prefix + "local_uuid"
	for {
		text, err := s.db.Get(ctx, key).Result()
		if err == nil {
			id, err := peer.ParseUUID(text)
			if err != nil {
				return uuid.Nil, fmt.Errorf("read identity: %s: %w", key, err)
			}
			return id, nil
		}
		if !errors.Is(err, redis.Nil) {
			return uuid.Nil, fmt.Errorf("read identity: %w", err)
		}
		// Two may create it at one time: both then read the one that was first.
		if err := s.db.SetNX(ctx, key, proposed.String(), 0).Err(); err != nil {
			return uuid.Nil, fmt.Errorf("create identity: %w", err)
		}
	}
}

func (s *shared) key(kind peer.Kind, id uuid.UUID) string {
	return s.prefix + string(kind) + ":" + id.String()
}

// literal writes a text as a pattern of Redis that matches it alone.
var literal = strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`)

func (s *shared) Peers(ctx context.Context, kind peer.Kind) ([]peer.Peer, error) {
	seen := map[string]bool{} // SCAN may tell a key twice
	var all []peer.Peer
	var cursor uint64
	for {
		keys, next, err := s.db.Scan(ctx, cursor, literal.Replace(s.prefix+string(kind))+":*", batch).Result()
		if err != nil {
			return nil, fmt.Errorf("read %ss: %w", kind, err)
		}
		fresh := keys[:0]
		for _, key := range keys {
			if !seen[key] && len(seen) < s.most {
				seen[key] = true
				fresh = append(fresh, key)
			}
		}
		some, err := s.read(ctx, s.db, fresh)
		if err != nil {
			return nil, fmt.Errorf("read %ss: %w", kind, err)
		}
		for _, p := range some {
			if p.UUID != uuid.Nil {
				all = append(all, p)
			}
		}
		if cursor = next; cursor == 0 || len(seen) >= s.most {
			return all, nil
		}
	}
}

// piper is a client, or a transaction of one.
type piper interface {
	Pipelined(ctx context.Context, fn func(redis.Pipeliner) error) ([]redis.Cmder, error)
}

// read gives the peer at each key; a zero one where there is none that can be read.
func (s *shared) read(ctx context.Context, from piper, keys []string) ([]peer.Peer, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	commands := make([]*redis.SliceCmd, len(keys))
	_, err := from.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, key := range keys {
			commands[i] = p.HMGet(ctx, key, "uuid", "ip", "last_seen")
		}
		return nil
	})
	var refused redis.Error // a key of another type, of which the rest knows nothing
	if err != nil && !errors.As(err, &refused) {
		return nil, err
	}
	peers := make([]peer.Peer, len(keys))
	for i, c := range commands {
		values := c.Val()
		if len(values) != 3 {
			continue
		}
		id, _ := values[0].(string)
		ip, _ := values[1].(string)
		last, _ := values[2].(string)
		at, err := peer.ParseSeen(last)
		if err != nil {
			at = time.Time{} // known, and seen by nobody that we understand
		}
		if p, err := entry(id, ip, at); err == nil && strings.HasSuffix(keys[i], ":"+strings.ToLower(id)) {
			peers[i] = p
		}
	}
	return peers, nil
}

// Note compares here and not in a script of Redis: times that other programs wrote come
// in other formats. The keys are watched, so that a write in between is seen.
func (s *shared) Note(ctx context.Context, kind peer.Kind, peers []peer.Peer) error {
	for len(peers) > 0 {
		some := peers[:min(batch, len(peers))]
		peers = peers[len(some):]
		keys := make([]string, len(some))
		for i, p := range some {
			keys[i] = s.key(kind, p.UUID)
		}
		var err error = redis.TxFailedErr
		for try := 0; errors.Is(err, redis.TxFailedErr) && try < 10; try++ {
			err = s.db.Watch(ctx, func(tx *redis.Tx) error {
				known, err := s.read(ctx, tx, keys)
				if err != nil {
					return err
				}
				_, err = tx.TxPipelined(ctx, func(p redis.Pipeliner) error {
					for i := range some {
						if known[i].UUID == uuid.Nil || peer.Newer(some[i], known[i]) {
							p.HSet(ctx, keys[i], "uuid", some[i].UUID.String(), "ip", string(some[i].IP), "last_seen", peer.FormatSeen(some[i].LastSeen))
						}
					}
					return nil
				})
				return err
			}, keys...)
		}
		if err != nil {
			return fmt.Errorf("note %ss: %w", kind, err)
		}
	}
	return nil
}

func (s *shared) Forget(ctx context.Context, kind peer.Kind, ids []uuid.UUID) error {
	keys := make([]string, len(ids))
	for i, id := range ids {
		keys[i] = s.key(kind, id)
	}
	for len(keys) > 0 {
		some := keys[:min(batch, len(keys))]
		keys = keys[len(some):]
		if err := s.db.Del(ctx, some...).Err(); err != nil {
			return fmt.Errorf("forget %ss: %w", kind, err)
		}
	}
	return nil
}
