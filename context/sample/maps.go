package sample

import (
	"bytes"
	"errors"
	"io"
	"os"
	"slices"
	"time"

	"github.com/shirou/gopsutil/v3/process"
	"golang.org/x/sys/unix"
)

// errMapsLate is the gap of a process whose memory maps were not read in time. Those
// that it has are of an earlier tick.
var errMapsLate = errors.New("not read in time: the process holds the lock that this needs")

// mapping is the memory maps of one process. The worker has it while it is away.
type mapping struct {
	dir           *os.File // of the process, its own: what is opened below it is never another one's
	smaps, rollup *os.File // opened at the first reading
	want          Want
	maps          []process.MemoryMapsStat
	pss           uint64
	err           error

	// the sampler's
	away, read, dropped bool
	of                  *entry
}

// mapper is the worker that reads memory maps: a read waits for the lock of the
// process's memory, which may be held for as long as its disk is slow.
type mapper struct {
	work  chan []*mapping // capacity 1: a batch, when the one before is back; sent by readMaps, closed by close
	back  chan *mapping   // of the batch: room for all, so that the worker never waits; sent by the worker
	away  int             // how many are with the worker
	batch []*mapping
}

func newMapper() *mapper { return &mapper{work: make(chan []*mapping, 1)} }

func newMapping(e *entry) *mapping {
	one := &mapping{of: e}
	if fd, err := unix.FcntlInt(uintptr(e.dir), unix.F_DUPFD_CLOEXEC, 3); err != nil {
		one.err = err
	} else {
		one.dir = os.NewFile(uintptr(fd), e.Name)
	}
	return one
}

// run reads batches until work is closed.
func (m *mapper) run() {
	buf := make([]byte, 256<<10)
	for batch := range m.work {
		back := m.back // read after work was received: it was made before that was sent
		for _, one := range batch {
			buf = one.readAll(buf)
			back <- one
		}
	}
}

func (m *mapper) close() { close(m.work) }

// readMaps has the worker read the maps of those that have run, and waits a little.
func (s *Sampler) readMaps(trees []*Tree) {
	wanted := false
	for _, t := range trees {
		wanted = wanted || t.Want&(MemoryMaps|PSS) != 0
	}
	if !wanted {
		return
	}
	if s.maps == nil {
		s.maps = newMapper()
		go s.maps.run() // ends with Close, or when the kernel lets it
	}
	m := s.maps
	for m.away > 0 { // what came late
		select {
		case one := <-m.back:
			m.received(one)
			continue
		default:
		}
		break
	}
	if m.away == 0 {
		m.send(s, trees)
	}
	m.await(s.opts.MapsPatience)
	for _, t := range trees {
		for _, e := range t.order {
			e.showMaps(t.Want)
		}
	}
}

// send makes a batch of those that are to be read.
func (m *mapper) send(s *Sampler, trees []*Tree) {
	m.batch = m.batch[:0]
	for _, t := range trees {
		if t.Want&(MemoryMaps|PSS) == 0 {
			continue
		}
		for _, e := range t.order {
			if e.Zombie() {
				continue
			}
			if e.mapped == nil {
				e.mapped = newMapping(e)
			}
			if one := e.mapped; e.fresh || !one.read || t.Want&^one.want != 0 {
				one.want, one.away = t.Want, true
				m.batch = append(m.batch, one)
			}
		}
	}
	if len(m.batch) == 0 {
		return
	}
	if cap(m.back) < len(m.batch) {
		m.back = make(chan *mapping, len(m.batch))
	}
	m.away = len(m.batch)
	m.work <- m.batch
}

// await takes what the worker has read, for some time.
func (m *mapper) await(patience time.Duration) {
	if m.away == 0 {
		return
	}
	late := time.NewTimer(patience)
	defer late.Stop()
	for m.away > 0 {
		select {
		case one := <-m.back:
			m.received(one)
		case <-late.C:
			return
		}
	}
}

func (m *mapper) received(one *mapping) {
	m.away--
	one.away, one.read = false, true
	if one.dropped {
		one.shut()
		return
	}
	p := &one.of.Process
	p.PSS = one.pss
	// Copied: the worker writes into its own while these are shown.
	p.MemoryMaps = append(p.MemoryMaps[:0], one.maps...)
}

// showMaps says what is missing of a process.
func (e *entry) showMaps(w Want) {
	if e.mapped == nil || w&(MemoryMaps|PSS) == 0 {
		return
	}
	switch {
	case e.mapped.away:
		e.miss("memory maps", errMapsLate)
	case e.mapped.err != nil:
		e.miss("memory maps", e.mapped.err)
	default:
		e.Missing = slices.DeleteFunc(e.Missing, func(g Gap) bool { return g.What == "memory maps" })
	}
}

// drop lets go, now or when the worker gives it back.
func (one *mapping) drop() {
	if one.dropped = true; !one.away {
		one.shut()
	}
}

func (one *mapping) shut() {
	for _, f := range []*os.File{one.dir, one.smaps, one.rollup} {
		if f != nil {
			_ = f.Close() // was only read
		}
	}
	one.dir, one.smaps, one.rollup = nil, nil, nil
}

// readAll is the worker's part.
func (one *mapping) readAll(buf []byte) []byte {
	if one.dir == nil {
		return buf
	}
	one.err = nil
	var text []byte
	if one.want&PSS != 0 && one.want&MemoryMaps == 0 {
		if text, buf, one.err = one.whole(&one.rollup, "smaps_rollup", buf); one.err == nil {
			kib, _, ok := value(text, "Pss")
			if one.pss = uint64(kib) << 10; !ok && len(text) > 0 {
				one.err = errFormat
			}
		}
		return buf
	}
	if text, buf, one.err = one.whole(&one.smaps, "smaps", buf); one.err == nil {
		one.maps = parseMaps(text, one.maps[:0])
		one.pss = 0
		for _, m := range one.maps {
			one.pss += m.Pss << 10
		}
	}
	return buf
}

// whole reads a file of the process, opened once: so that it is never another one's.
func (one *mapping) whole(f **os.File, name string, buf []byte) (text, grown []byte, err error) {
	if *f == nil {
		fd, err := unix.Openat(int(one.dir.Fd()), name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			return nil, buf, err
		}
		*f = os.NewFile(uintptr(fd), name)
	}
	n := 0
	for {
		if n == len(buf) {
			buf = append(buf, make([]byte, len(buf))...)
		}
		more, err := (*f).ReadAt(buf[n:], int64(n))
		n += more
		if errors.Is(err, io.EOF) {
			return buf[:n], buf, nil
		}
		if err != nil {
			return nil, buf, err
		}
	}
}

// parseMaps reads proc_pid_smaps(5). dst is a list of before: paths that are the same
// are not made anew.
func parseMaps(text []byte, dst []process.MemoryMapsStat) []process.MemoryMapsStat {
	var m *process.MemoryMapsStat
	for len(text) > 0 {
		var line []byte
		line, text, _ = bytes.Cut(text, []byte("\n"))
		if len(line) == 0 {
			continue
		}
		if c := line[0]; c < 'A' || c > 'Z' {
			path := mapPath(line)
			if len(dst) < cap(dst) {
				dst = dst[:len(dst)+1]
			} else {
				dst = append(dst, process.MemoryMapsStat{})
			}
			m = &dst[len(dst)-1]
			old := m.Path
			*m = process.MemoryMapsStat{Path: old}
			if old != string(path) {
				m.Path = string(path)
			}
			continue
		}
		name, number, ok := bytes.Cut(line, []byte(":"))
		if m == nil || !ok {
			continue
		}
		f := fields{number}
		kib, _ := f.next()
		if into := field(m, name); into != nil {
			*into = uint64(kib)
		}
	}
	return dst
}

// anonymous is the path of memory that is no file's, in psutil's words.
var anonymous = []byte("[anon]")

// mapPath is what follows address, rights, offset, device and inode, blanks included.
func mapPath(line []byte) []byte {
	f := fields{line}
	f.skip(5)
	if path := bytes.TrimLeft(f.rest, " "); len(path) > 0 {
		return path
	}
	return anonymous
}

// field is where the number of a line goes; nil: nowhere.
func field(m *process.MemoryMapsStat, name []byte) *uint64 {
	switch string(name) {
	case "Size":
		return &m.Size
	case "Rss":
		return &m.Rss
	case "Pss":
		return &m.Pss
	case "Shared_Clean":
		return &m.SharedClean
	case "Shared_Dirty":
		return &m.SharedDirty
	case "Private_Clean":
		return &m.PrivateClean
	case "Private_Dirty":
		return &m.PrivateDirty
	case "Referenced":
		return &m.Referenced
	case "Anonymous":
		return &m.Anonymous
	case "Swap":
		return &m.Swap
	default:
		return nil
	}
}
