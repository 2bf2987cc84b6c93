package store

import "time"

// Stats are figures of a store since Open.
type Stats struct {
	Written uint64 `json:"written"` // writes that are in the file, or a later one of their key is
	Commits uint64 `json:"commits"` // groups they were committed in
	Refused uint64 `json:"refused"` // writes whose own statement was wrong
	Lost    uint64 `json:"lost"`    // writes that were pushed out of the ring, or left when the store was closed
	Waiting int    `json:"waiting"` // writes that are not in the file yet

	Failing string    `json:"failing,omitempty"` // why the last attempt to write failed; "": it did not
	Since   time.Time `json:"since,omitzero"`    // of the first attempt that failed
	Stalled bool      `json:"stalled,omitempty"` // a commit has not come back within Options.Patience
}

// Stats gives the figures as they are now.
func (d *DB) Stats() Stats {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.stats
	s.Lost = d.queue.losses + d.left
	s.Waiting = d.queue.waiting() + d.inHand
	return s
}
