package logfile

import "time"

// Stamp is what stands before a line of a stream, "out" or "err", in the file: the time in
// UTC with nanoseconds, which has 30 bytes, a space, the stream, a space.
func Stamp(at time.Time, name string) []byte {
	b := make([]byte, 0, 40)
	b = at.UTC().AppendFormat(b, "2006-01-02T15:04:05.000000000Z07:00")
	b = append(b, ' ')
	b = append(b, name...)
	return append(b, ' ')
}
