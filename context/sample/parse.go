package sample

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strconv"

	"github.com/shirou/gopsutil/v3/process"
)

var nativeEndian = binary.NativeEndian

// userHZ is the unit of times in /proc: sysconf(_SC_CLK_TCK), 100 on every
// architecture that Go runs Linux on.
const userHZ = 100

var errFormat = errors.New("is not what proc(5) says")

// fields walks over numbers between blanks.
type fields struct{ rest []byte }

// next gives the next number; false at the end or at something else.
func (f *fields) next() (n int64, ok bool) {
	b := f.rest
	i := 0
	for i < len(b) && (b[i] == ' ' || b[i] == '\t' || b[i] == '\n') {
		i++
	}
	negative := i < len(b) && b[i] == '-'
	if negative {
		i++
	}
	from := i
	for i < len(b) && b[i] >= '0' && b[i] <= '9' {
		n = n*10 + int64(b[i]-'0') // beyond 2^63 it wraps: signal masks, which nobody reads
		i++
	}
	f.rest = b[i:]
	if negative {
		n = -n
	}
	return n, i > from
}

// skip passes over some fields, numbers or not.
func (f *fields) skip(n int) {
	b := f.rest
	for ; n > 0; n-- {
		i := 0
		for i < len(b) && b[i] == ' ' {
			i++
		}
		for i < len(b) && b[i] != ' ' {
			i++
		}
		b = b[i:]
	}
	f.rest = b
}

// stat is what is used of /proc/PID/stat and of a thread's, in their units.
type stat struct {
	name                 []byte // good until the next read
	letter               byte
	ppid                 int32
	utime, stime, iowait int64 // clock ticks
	threads              int32
	start                uint64 // clock ticks since boot
}

// parseStat reads proc_pid_stat(5). A name may hold anything, ") S 1 (" for example: it
// ends with the last parenthesis.
func parseStat(b []byte, s *stat) error {
	open, end := bytes.IndexByte(b, '('), bytes.LastIndexByte(b, ')')
	if open < 0 || end < open || end+3 > len(b) {
		return errFormat
	}
	s.name, s.letter = b[open+1:end], b[end+2]
	f := fields{b[end+3:]}
	number := func() int64 { n, _ := f.next(); return n }
	s.ppid = int32(number()) // field 4
	f.skip(9)
	s.utime, s.stime = number(), number() // 14, 15
	f.skip(4)
	s.threads = int32(number()) // 20
	f.skip(1)
	start, ok := f.next() // 22
	if !ok {
		return errFormat
	}
	s.start = uint64(start)
	f.skip(19)
	s.iowait, _ = f.next() // 42, delayacct_blkio_ticks
	return nil
}

// parseStatm gives the pages of proc_pid_statm(5).
func parseStatm(b []byte) (size, resident uint64, err error) {
	f := fields{b}
	v, _ := f.next()
	r, ok := f.next()
	if !ok {
		return 0, 0, errFormat
	}
	return uint64(v), uint64(r), nil
}

// value finds a line "name: number" and gives the number; rest is what follows.
func value(b []byte, name string) (n int64, rest []byte, ok bool) {
	for len(b) > 0 {
		line := b
		if i := bytes.IndexByte(b, '\n'); i >= 0 {
			line, b = b[:i], b[i+1:]
		} else {
			b = nil
		}
		if len(line) > len(name) && line[len(name)] == ':' && string(line[:len(name)]) == name {
			f := fields{line[len(name)+1:]}
			n, ok = f.next()
			return n, b, ok
		}
	}
	return 0, nil, false
}

// parseStatus reads uids and switches of context from proc_pid_status(5).
func parseStatus(b []byte, uids []int32, s *process.NumCtxSwitchesStat) ([]int32, error) {
	if i := bytes.Index(b, []byte("\nUid:")); i >= 0 {
		f := fields{b[i+5:]}
		uids = uids[:0]
		for range 4 {
			n, _ := f.next()
			uids = append(uids, int32(n))
		}
		b = f.rest
	}
	var ok bool
	if s.Voluntary, b, ok = value(b, "voluntary_ctxt_switches"); !ok {
		return uids, errFormat
	}
	s.Involuntary, _, ok = value(b, "nonvoluntary_ctxt_switches")
	if !ok {
		return uids, errFormat
	}
	return uids, nil
}

// parseIO reads proc_pid_io(5), of which gopsutil shows what went to the disk.
func parseIO(b []byte, s *process.IOCountersStat) error {
	for _, v := range []struct {
		name string
		into *uint64
	}{{"syscr", &s.ReadCount}, {"syscw", &s.WriteCount}, {"read_bytes", &s.ReadBytes}, {"write_bytes", &s.WriteBytes}} {
		n, rest, ok := value(b, v.name)
		if !ok {
			return errFormat
		}
		*v.into, b = uint64(n), rest
	}
	return nil
}

func appendNumber(dst []byte, n int32) []byte { return strconv.AppendInt(dst, int64(n), 10) }
