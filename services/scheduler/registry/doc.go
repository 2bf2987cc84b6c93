// Package registry keeps what the API and the scheduler share: who we are, who is known,
// who leads. It is Redis, where programs of other makes read and write it too, or a file
// of SQLite, or nothing but memory.
//
//	r, err := registry.Open(ctx, "redis://127.0.0.1:6379/0", registry.Options{Logger: log})
//	…
//	go r.Run(ctx)
//	id, err := r.Identity(ctx, uuid.New())  // the proposal, unless there is one already
//	lease, err := r.Lead(ctx, holder, ttl)  // ErrLed: somebody else does
//
// In Redis the keys are, behind a prefix (zms:):
//
//	local_uuid          string, the LOCAL_UUID
//	consumer:<uuid>     hash uuid, ip, last_seen
//	producer:<uuid>     hash uuid, ip, last_seen
//	lease, lease_token  who leads, and how often that has changed
//	local_ip            hash: our addresses as the producers know them
//
// # Who leads
//
// A lease is held until it runs out or is resigned, and carries a token that grows each
// time it changes hands. What only a leader may write is written together with a look at
// the lease, in one step, so that one who was stopped for a while and does not know yet
// that it leads no more changes nothing (ErrLed).
//
// # What it never does
//
// It calls no peer and decides nothing, but which of two words on a peer is the newer.
// It retries nothing: who asks does, at its own pace.
package registry
