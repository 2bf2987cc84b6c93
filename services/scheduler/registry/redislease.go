package registry

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// take is SET NX PX with the word of who has it: Redis runs a script as one step.
// KEYS lease, token; ARGV holder, milliseconds. 0: another holder has it.
var take = redis.NewScript(`
if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then
	return redis.call('INCR', KEYS[2])
end
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return tonumber(redis.call('GET', KEYS[2]) or redis.call('INCR', KEYS[2]))`)

// holds is the beginning of a script that changes something under the lease.
// KEYS lease, token; ARGV holder, token.
const holds = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] or redis.call('GET', KEYS[2]) ~= ARGV[2] then return 0 end
`

var (
	resign = redis.NewScript(holds + `return redis.call('DEL', KEYS[1])`)
	setOwn = redis.NewScript(holds + `redis.call('HSET', KEYS[3], 'addresses', ARGV[3], 'told', ARGV[4]) return 1`)
)

func (s *shared) leaseKeys() []string { return []string{s.prefix + "lease", s.prefix + "lease_token"} }

func (s *shared) Lead(ctx context.Context, holder string, ttl time.Duration) (Lease, error) {
	token, err := take.Run(ctx, s.db, s.leaseKeys(), holder, max(1, ttl.Milliseconds())).Int64()
	switch {
	case err != nil:
		return Lease{}, fmt.Errorf("take lease: %w", err)
	case token == 0:
		return Lease{}, ErrLed
	}
	return Lease{holder, token}, nil
}

func (s *shared) Resign(ctx context.Context, lease Lease) error {
	if err := resign.Run(ctx, s.db, s.leaseKeys(), lease.Holder, lease.Token).Err(); err != nil {
		return fmt.Errorf("resign lease: %w", err)
	}
	return nil
}

func (s *shared) Own(ctx context.Context) (Own, error) {
	values, err := s.db.HGetAll(ctx, s.prefix+"local_ip").Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		return Own{}, fmt.Errorf("read own addresses: %w", err)
	}
	return Own{Addresses: values["addresses"], Told: values["told"] == "1"}, nil
}

func (s *shared) SetOwn(ctx context.Context, lease Lease, own Own) error {
	told := "0"
	if own.Told {
		told = "1"
	}
	done, err := setOwn.Run(ctx, s.db, append(s.leaseKeys(), s.prefix+"local_ip"), lease.Holder, lease.Token, own.Addresses, told).Int64()
	switch {
	case err != nil:
		return fmt.Errorf("keep own addresses: %w", err)
	case done == 0:
		return ErrLed
	}
	return nil
}
