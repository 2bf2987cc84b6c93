package peer

import (
	"fmt"
	"math"
	"strconv"
	"time"
)

// seenLayout has a fixed width, so that times sort as texts do.
const seenLayout = "2006-01-02T15:04:05.000000000Z"

// FormatSeen writes a time as we keep and tell it: RFC 3339, UTC, with nanoseconds.
func FormatSeen(t time.Time) string { return t.UTC().Format(seenLayout) }

// others are what programs of other makes write: Python's isoformat without a zone.
var others = []string{"2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999Z07:00", "2006-01-02 15:04:05.999999999"}

// ParseSeen reads a time of RFC 3339, one without a zone (taken for UTC), or a number of
// seconds since 1970, as other programs write into the same store.
func ParseSeen(s string) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339Nano, s); err == nil {
		return t.UTC(), nil
	}
	for _, layout := range others {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), nil
		}
	}
	if seconds, err := strconv.ParseFloat(s, 64); err == nil && seconds >= 0 && seconds < 1<<33 {
		whole, part := math.Modf(seconds)
		return time.Unix(int64(whole), int64(part*1e9)).UTC(), nil
	}
	return time.Time{}, fmt.Errorf("last_seen %.64q is neither a time of RFC 3339 nor seconds since 1970", s)
}
