package logfile

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"zmicroservices/context/keeper/kernel"
)

// Where a line's parts begin, see Stamp: 30 bytes of time, a space, the stream.
const streamAt = 31

// outsidePatience is how long a file may have been renamed or removed by somebody
// else before the next line goes to a new one.
const outsidePatience = time.Second

// live is the file at the end of a log: what is written goes there, until it is
// full or old. Then it is cut: renamed, so that its name sorts by the time of the
// cut and never changes again, whoever reads or compresses it meanwhile.
//
//	ts001.log
//	ts001.log.20261121T044507.123456789Z
//	ts001.log.20261121T044412.000000001Z.gz
type live struct {
	path    string
	fd      int // -1 closed
	size    int64
	born    time.Time // of its first line
	regular bool      // no device, no FIFO: it can be cut
	counted bool      // against the budget
	ino     uint64
	looked  time.Time // when it was last compared with what is at path
	torn    bool      // the last write ended inside a line
	budget  *budget
	unsaid  string // for the provider's log
	stuck   bool   // it could not be cut, and that was said
}

// write appends whole lines, cutting the file before the one that is too much for
// it. It returns what did not get there.
func (f *live) write(text []byte, limits Limits, share int64) (rest []byte, err error) {
	most := limits.MaxSize
	if share > 0 && (most == 0 || share < most) {
		most = share
	}
	for len(text) > 0 {
		if err := f.prepare(len(firstLine(text)), most, limits); err != nil {
			return text, err
		}
		piece := text
		if f.regular && most > 0 && f.size+int64(len(piece)) > most {
			end := bytes.LastIndexByte(piece[:max(most-f.size, 0)], '\n') + 1
			piece = piece[:max(end, len(firstLine(piece)))] // one line is written whatever it takes
		}
		if f.counted && !f.budget.take(int64(len(piece))) {
			return text, errBudget
		}
		n, err := f.append(piece)
		if text = text[n:]; err != nil {
			return text, err
		}
	}
	return nil, nil
}

func firstLine(text []byte) []byte { return text[:bytes.IndexByte(text, '\n')+1] }

// prepare makes the file one that takes a line of n bytes.
func (f *live) prepare(n int, most int64, limits Limits) error {
	now := time.Now()
	if f.fd >= 0 && f.regular && now.Sub(f.looked) > outsidePatience {
		f.look(now)
	}
	if f.fd < 0 {
		if err := f.open(now); err != nil {
			return err
		}
	}
	full := most > 0 && f.size+int64(n) > most
	old := limits.MaxAge > 0 && now.Sub(f.born) >= limits.MaxAge
	if !f.regular || f.size == 0 || !full && !old {
		if f.size == 0 {
			f.born = now
		}
		return nil
	}
	if err := f.cut(now, limits.Keep); err != nil {
		if !f.stuck { // too large a file is better than none
			f.stuck, f.unsaid = true, fmt.Sprintf("log file not cut: %v", err)
		}
		return nil
	}
	f.stuck = false
	f.born = now
	return f.open(now)
}

// look lets go of a file that is not the one at its path any more.
func (f *live) look(now time.Time) {
	var st syscall.Stat_t
	f.looked = now
	if err := syscall.Stat(f.path, &st); err == syscall.ENOENT || err == nil && st.Ino != f.ino {
		f.close()
	} else if err == nil {
		f.size = st.Size // somebody may have emptied it
	}
}

func (f *live) open(now time.Time) error {
	fd, err := openLog(f.path)
	if err != nil {
		return err
	}
	var st syscall.Stat_t
	if err := syscall.Fstat(fd, &st); err != nil {
		_ = syscall.Close(fd)
		return err
	}
	f.fd, f.ino, f.size, f.looked, f.torn = fd, st.Ino, st.Size, now, false
	f.regular = st.Mode&syscall.S_IFMT == syscall.S_IFREG
	f.counted = f.regular && strings.HasPrefix(f.path, f.budget.root+"/")
	f.born = now
	if f.size > 0 && f.regular {
		var first [streamAt - 1]byte
		n, _ := kernel.ReadFile(f.path, first[:])
		if at, err := time.Parse(time.RFC3339Nano, string(first[:n])); err == nil {
			f.born = at
		}
	}
	return nil
}

func (f *live) close() {
	if f.fd >= 0 {
		_ = syscall.Close(f.fd)
		f.fd = -1
	}
}

// append writes lines and says how many bytes of them are there to stay. On a full disk the
// beginning of a line is taken back.
func (f *live) append(lines []byte) (n int, err error) {
	if f.torn {
		if _, err := syscall.Write(f.fd, []byte{'\n'}); err != nil {
			return 0, err
		}
		f.torn = false
	}
	for n < len(lines) && (err == nil || err == syscall.EINTR) {
		var more int
		more, err = syscall.Write(f.fd, lines[n:])
		n += max(more, 0)
	}
	f.size += int64(n)
	whole := bytes.LastIndexByte(lines[:n], '\n') + 1
	if whole == n {
		return n, err
	}
	var st syscall.Stat_t
	if f.regular && syscall.Fstat(f.fd, &st) == nil && syscall.Ftruncate(f.fd, st.Size-int64(n-whole)) == nil {
		f.size = st.Size - int64(n-whole)
	} else {
		f.torn = true
	}
	return whole, err
}

func (f *live) takeNote() string {
	note := f.unsaid
	f.unsaid = ""
	if note == "" {
		note = f.budget.takeNote()
	}
	return note
}

// cutStamp is what follows the name of a cut file: fixed in width, so that names sort
// as times do.
const cutStamp = "20060102T150405.000000000Z"

// parseCut tells the log and the stamp of a cut file, compressed or not, by its name.
func parseCut(name string) (log, stamp string, ok bool) {
	name = strings.TrimSuffix(name, ".gz")
	i := len(name) - len(cutStamp) - 1
	if i < 0 || name[i] != '.' || !strings.HasSuffix(name[:i], ".log") {
		return "", "", false
	}
	at, err := time.Parse(cutStamp, name[i+1:])
	return name[:i], name[i+1:], err == nil && at.Format(cutStamp) == name[i+1:] // it takes a comma too
}

// cut renames the file, and removes the oldest that are too many.
func (f *live) cut(now time.Time, keep int) error {
	entries, err := os.ReadDir(filepath.Dir(f.path))
	if err != nil {
		return err
	}
	var stamps []string
	for _, e := range entries {
		if log, stamp, ok := parseCut(e.Name()); ok && log == filepath.Base(f.path) && !slices.Contains(stamps, stamp) {
			stamps = append(stamps, stamp)
		}
	}
	slices.Sort(stamps)
	stamp := now.UTC().Format(cutStamp)
	if n := len(stamps); n > 0 && stamp <= stamps[n-1] { // the clock was set back: the order counts
		last, _ := time.Parse(cutStamp, stamps[n-1])
		stamp = last.Add(1).Format(cutStamp)
	}
	if err := os.Rename(f.path, f.path+"."+stamp); err != nil {
		return err
	}
	f.close()
	stamps = append(stamps, stamp)
	for _, old := range stamps[:max(0, len(stamps)-keep)] {
		_ = os.Remove(f.path + "." + old)
		_ = os.Remove(f.path + "." + old + ".gz")
	}
	return nil
}
