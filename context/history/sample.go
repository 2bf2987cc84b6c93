package history

import (
	"encoding/binary"
	"fmt"
	"math"
	"time"

	"zmicroservices/context/event"
)

// Sample is what one task service cost at one time, its descendants included.
type Sample struct {
	Transaction event.TransactionID
	Task        event.TaskID
	At          time.Time
	RSS         int64   // bytes
	CPU         float64 // 100 is one core
	FDs         int
	Threads     int
	Connections int
	Restarts    int // since the transaction began
}

// Row is a sample, or the mean of many.
type Row struct {
	At       time.Time     `json:"at"`   // of the first
	Span     time.Duration `json:"span"` // that it is of; 0: one sample
	Samples  int           `json:"samples"`
	RSS      float64       `json:"rss"` // bytes
	RSSMax   float64       `json:"rss_max"`
	CPU      float64       `json:"cpu_percent"`
	CPUMax   float64       `json:"cpu_percent_max"`
	FDs      float64       `json:"num_fds"`
	FDsMax   float64       `json:"num_fds_max"`
	Threads  float64       `json:"num_threads"`
	Conns    float64       `json:"connections"`
	Restarts int           `json:"restarts"`
}

// row is a sample as a row of its own.
func (s Sample) row() Row {
	return Row{
		At: s.At, Samples: 1, RSS: float64(s.RSS), RSSMax: float64(s.RSS), CPU: s.CPU, CPUMax: s.CPU,
		FDs: float64(s.FDs), FDsMax: float64(s.FDs), Threads: float64(s.Threads), Conns: float64(s.Connections), Restarts: s.Restarts,
	}
}

// add takes another row into the mean.
func (r *Row) add(o Row) {
	n := float64(r.Samples + o.Samples)
	mean := func(a *float64, b float64) { *a += (b - *a) * float64(o.Samples) / n }
	mean(&r.RSS, o.RSS)
	mean(&r.CPU, o.CPU)
	mean(&r.FDs, o.FDs)
	mean(&r.Threads, o.Threads)
	mean(&r.Conns, o.Conns)
	r.RSSMax, r.CPUMax, r.FDsMax = max(r.RSSMax, o.RSSMax), max(r.CPUMax, o.CPUMax), max(r.FDsMax, o.FDsMax)
	r.Restarts, r.Samples = max(r.Restarts, o.Restarts), r.Samples+o.Samples
}

// packed is the size of a sample in the file.
const packed = 8 + 8 + 5*4

// pack appends a sample: little-endian, milliseconds, bytes, then 32 bits each.
func pack(dst []byte, s Sample) []byte {
	dst = binary.LittleEndian.AppendUint64(dst, uint64(s.At.UnixMilli()))
	dst = binary.LittleEndian.AppendUint64(dst, uint64(s.RSS))
	dst = binary.LittleEndian.AppendUint32(dst, math.Float32bits(float32(s.CPU)))
	for _, n := range []int{s.FDs, s.Threads, s.Connections, s.Restarts} {
		dst = binary.LittleEndian.AppendUint32(dst, uint32(n))
	}
	return dst
}

// unpack gives each sample of a blob to each.
func unpack(b []byte, each func(Sample)) error {
	if len(b)%packed != 0 {
		return fmt.Errorf("unpack samples: %d bytes are no multiple of %d", len(b), packed)
	}
	for ; len(b) > 0; b = b[packed:] {
		word := func(i int) uint32 { return binary.LittleEndian.Uint32(b[16+4*i:]) }
		each(Sample{
			At: time.UnixMilli(int64(binary.LittleEndian.Uint64(b))), RSS: int64(binary.LittleEndian.Uint64(b[8:])),
			CPU: float64(math.Float32frombits(word(0))),
			FDs: int(word(1)), Threads: int(word(2)), Connections: int(word(3)), Restarts: int(word(4)),
		})
	}
	return nil
}
