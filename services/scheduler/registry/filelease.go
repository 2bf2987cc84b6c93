package registry

import (
	"context"
	"time"

	"zmicroservices/context/store"
)

// held reads the lease. One that runs out further ahead than any is given was left by a
// clock that has been set back since, and is over.
func held(tx *store.Tx, now time.Time) (lease Lease, is bool, err error) {
	var until int64
	is, err = row(tx, `SELECT holder, token, until FROM lease`, &lease.Holder, &lease.Token, &until)
	left := time.Duration(until - now.UnixNano())
	return lease, is && left > 0 && left <= longestLease, err
}

// longestLease is that of the longest interval there may be.
const longestLease = 48 * time.Hour

func (f *file) Lead(ctx context.Context, holder string, ttl time.Duration) (Lease, error) {
	var lease Lease
	err := f.step(ctx, "take lease", func(tx *store.Tx) error {
		now := time.Now()
		current, is, err := held(tx, now)
		switch {
		case err != nil:
			return err
		case is && current.Holder != holder:
			return ErrLed
		case !is:
			current = Lease{holder, current.Token + 1}
		}
		lease = current
		_, err = tx.Exec(`INSERT OR REPLACE INTO lease VALUES (1, ?, ?, ?)`, lease.Holder, lease.Token, now.Add(min(ttl, longestLease)).UnixNano())
		return err
	})
	if err != nil {
		return Lease{}, err
	}
	return lease, nil
}

func (f *file) Resign(ctx context.Context, lease Lease) error {
	return f.step(ctx, "resign lease", func(tx *store.Tx) error {
		_, err := tx.Exec(`UPDATE lease SET until = 0 WHERE holder = ? AND token = ?`, lease.Holder, lease.Token)
		return err
	})
}

func (f *file) Own(ctx context.Context) (Own, error) {
	var own Own
	err := f.step(ctx, "read own addresses", func(tx *store.Tx) error {
		own = Own{}
		_, err := row(tx, `SELECT addresses, told FROM own`, &own.Addresses, &own.Told)
		return err
	})
	if err != nil {
		return Own{}, err
	}
	return own, nil
}

func (f *file) SetOwn(ctx context.Context, lease Lease, own Own) error {
	return f.step(ctx, "keep own addresses", func(tx *store.Tx) error {
		current, is, err := held(tx, time.Now())
		if err != nil {
			return err
		}
		if !is || current != lease {
			return ErrLed
		}
		_, err = tx.Exec(`INSERT OR REPLACE INTO own VALUES (1, ?, ?)`, own.Addresses, own.Told)
		return err
	})
}
