package keeper

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

const (
	benchLines = 400_000
	benchLine  = 100 // bytes, newline included
)

// spew prints lines as fast as they are taken, and is what both benchmarks read from.
func spew(n int) int {
	block := bytes.Repeat([]byte(fmt.Sprintf("%*s\n", benchLine-1, "x")), 500)
	for ; n > 0; n -= 500 {
		if _, err := os.Stdout.Write(block); err != nil {
			return 1
		}
	}
	return 0
}

// BenchmarkCapture is a service that floods, by the keeper (stamped, cut at 10 MB, five
// files kept) and by `cat > file`, side by side: go test -bench Capture -benchtime 5x.
// Lines are lost by none of the first 1 MiB a file; beyond, where the disk is slower than
// the service, the share that is in no file is shown.
func BenchmarkCapture(b *testing.B) {
	report := func(b *testing.B, took time.Duration) {
		lines := float64(b.N) * benchLines
		b.ReportMetric(lines*benchLine/1e6/took.Seconds(), "MB/s")
		b.ReportMetric(lines/took.Seconds(), "lines/s")
		b.ReportMetric(float64(took.Nanoseconds())/lines, "ns/line")
		b.ReportMetric(0, "ns/op")
	}
	b.Run("keeper", func(b *testing.B) {
		c, err := Start(b.Context(), Options{RuntimeDir: b.TempDir()})
		if err != nil {
			b.Fatal(err)
		}
		defer func() { _ = c.Shutdown(b.Context()); _ = c.Close() }()
		s := spec("ts001", "child", "spew", strconv.Itoa(benchLines))
		s.Output = Output{Log: filepath.Join(b.TempDir(), "ts001.log"), MaxSize: 10e6, Keep: 5, Budget: 1e9}
		began := time.Now()
		for b.Loop() {
			s.ID.Incarnation++
			if err := c.Spawn(s); err != nil {
				b.Fatal(err)
			}
			for ev := range c.Events() {
				if ev.Kind == Gone {
					break
				}
			}
		}
		report(b, time.Since(began))
		st, err := c.Stats(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(100*float64(st.DroppedLines)/(float64(b.N)*benchLines), "%dropped")
	})
	b.Run("cat", func(b *testing.B) {
		exe, err := os.Executable()
		if err != nil {
			b.Fatal(err)
		}
		path := filepath.Join(b.TempDir(), "out")
		began := time.Now()
		for b.Loop() {
			cmd := exec.Command("/bin/sh", "-c", `"$0" child spew "$1" | cat > "$2"`, exe, strconv.Itoa(benchLines), path)
			cmd.Stderr = io.Discard
			if err := cmd.Run(); err != nil {
				b.Fatal(err)
			}
		}
		report(b, time.Since(began))
	})
}
