package keeper

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"
)

// pauser writes the smallest service there is, a static program that pauses for
// ever, so that the figures are the keeper's and the kernel's and nobody else's.
func pauser(b *testing.B) string {
	b.Helper()
	if runtime.GOARCH != "amd64" {
		b.Skip("the program is amd64 machine code")
	}
	const base, head = 0x400000, 64 + 56
	code := []byte{0xb8, 34, 0, 0, 0, 0x0f, 0x05, 0xeb, 0xf7} // again: mov eax, pause; syscall; jmp again
	elf := []byte{0x7f, 'E', 'L', 'F', 2, 1, 1, 15: 0}        // elf(5)
	le := binary.LittleEndian
	elf = le.AppendUint16(elf, 2)         // ET_EXEC
	elf = le.AppendUint16(elf, 62)        // EM_X86_64
	elf = le.AppendUint32(elf, 1)         // version
	elf = le.AppendUint64(elf, base+head) // entry
	elf = le.AppendUint64(elf, 64)        // program headers at
	elf = le.AppendUint64(elf, 0)
	elf = le.AppendUint32(elf, 0)
	for _, v := range []uint16{64, 56, 1, 0, 0, 0} {
		elf = le.AppendUint16(elf, v)
	}
	elf = le.AppendUint32(elf, 1) // PT_LOAD
	elf = le.AppendUint32(elf, 5) // r-x
	for _, v := range []uint64{0, base, base, uint64(head + len(code)), uint64(head + len(code)), 4096} {
		elf = le.AppendUint64(elf, v)
	}
	path := filepath.Join(b.TempDir(), "pauser")
	if err := os.WriteFile(path, append(elf, code...), 0o700); err != nil {
		b.Fatal(err)
	}
	return path
}

func benchSpec(path, dir string, n int) Spec {
	s := spec(fmt.Sprintf("ts%04d", n))
	s.Path, s.Argv = path, []string{"pauser"}
	for i := range 20 { // an environment of ordinary size
		s.Env = append(s.Env, fmt.Sprintf("VARIABLE_%02d=a value of ordinary length, some forty bytes", i))
	}
	s.Output.Log = filepath.Join(dir, "logs", s.ID.Task+".log")
	return s
}

// bare is the limit: a loop that forks, executes and waits, and does nothing else.
func bare(b *testing.B, path, dir string, n int) (spawn, stop time.Duration) {
	b.Helper()
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = null.Close() }()
	pids := make([]int, n)
	begin := time.Now()
	for i := range n {
		s := benchSpec(path, dir, i)
		pids[i], err = syscall.ForkExec(s.Path, s.Argv, &syscall.ProcAttr{
			Env: s.Env, Files: []uintptr{null.Fd(), null.Fd(), null.Fd()}, Sys: &syscall.SysProcAttr{Setpgid: true},
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	spawn = time.Since(begin)
	begin = time.Now()
	for _, pid := range pids {
		_ = syscall.Kill(-pid, syscall.SIGTERM)
	}
	for _, pid := range pids { // not -1: the keeper under test is our child, too
		_, _ = syscall.Wait4(pid, nil, 0, nil)
	}
	return spawn, time.Since(begin)
}

// BenchmarkSpawnStop spawns and stops n services, with their output captured and
// every event acknowledged, and sets it against the bare loop of the same run.
func BenchmarkSpawnStop(b *testing.B) {
	for _, n := range []int{100, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			path := pauser(b)
			c, err := Start(b.Context(), Options{RuntimeDir: b.TempDir()})
			if err != nil {
				b.Fatal(err)
			}
			defer func() { _ = c.Shutdown(b.Context()) }()
			dir := b.TempDir()
			var spawns, stops, bareSpawns, bareStops []time.Duration
			incarnation := uint64(0)
			for b.Loop() {
				x, y := bare(b, path, dir, n)
				bareSpawns, bareStops = append(bareSpawns, x), append(bareStops, y)
				incarnation++
				ids := make([]ID, n)
				begin := time.Now()
				for i := range n {
					s := benchSpec(path, dir, i)
					s.ID.Incarnation = incarnation
					ids[i] = s.ID
					if err := c.Spawn(s); err != nil {
						b.Fatal(err)
					}
				}
				count(b, c, Spawned, n)
				spawns = append(spawns, time.Since(begin))
				if st, err := c.Stats(b.Context()); err == nil && len(spawns) == 1 {
					b.ReportMetric(float64(st.RSS)/(1<<20), "rss-MiB")
					b.ReportMetric(float64(st.Threads), "threads")
				}
				begin = time.Now()
				for _, id := range ids {
					_ = c.Stop(id, nil)
				}
				count(b, c, Gone, n)
				stops = append(stops, time.Since(begin))
			}
			report := func(name string, d, bare []time.Duration) {
				b.ReportMetric(ms(median(d)), name+"-ms")
				b.ReportMetric(ms(median(bare)), "bare-"+name+"-ms")
				b.ReportMetric(float64(median(d))/float64(median(bare)), name+"/bare")
			}
			report("spawn", spawns, bareSpawns)
			report("stop", stops, bareStops)
			b.ReportMetric(0, "ns/op")
		})
	}
}

// BenchmarkKill measures from SIGKILL of one of 100 services to Exited and Gone,
// and to the Spawned of its replacement.
func BenchmarkKill(b *testing.B) {
	path, dir := pauser(b), b.TempDir()
	c, err := Start(b.Context(), Options{RuntimeDir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = c.Shutdown(b.Context()) }()
	pids := make(map[ID]int)
	for i := range 100 {
		if err := c.Spawn(benchSpec(path, dir, i)); err != nil {
			b.Fatal(err)
		}
		ev := <-c.Events()
		pids[ev.ID] = ev.PID
	}
	var exits, goners, again []time.Duration
	s := benchSpec(path, dir, 50)
	for b.Loop() {
		begin := time.Now()
		_ = syscall.Kill(pids[s.ID], syscall.SIGKILL)
		for done := false; !done; {
			ev := <-c.Events()
			switch ev.Kind {
			case Exited:
				exits = append(exits, time.Since(begin))
			case Gone:
				goners = append(goners, time.Since(begin))
				delete(pids, s.ID)
				s.ID.Incarnation++
				_ = c.Spawn(s)
			case Spawned:
				again = append(again, time.Since(begin))
				pids[ev.ID] = ev.PID
				_ = c.Ack(ev.Seq)
				done = true
			}
		}
	}
	for name, d := range map[string][]time.Duration{"exited": exits, "gone": goners, "replaced": again} {
		slices.Sort(d)
		b.ReportMetric(ms(d[len(d)/2]), name+"-p50-ms")
		b.ReportMetric(ms(d[len(d)*99/100]), name+"-p99-ms")
	}
}

// BenchmarkAdopt kills a keeper of n services, and measures what the next one takes
// to hold them, and to end them all.
func BenchmarkAdopt(b *testing.B) {
	for _, n := range []int{100, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			path := pauser(b)
			var adopts, ends []time.Duration
			for b.Loop() {
				dir := b.TempDir()
				o := Options{RuntimeDir: dir, Linger: Forever}
				c, err := Start(b.Context(), o)
				if err != nil {
					b.Fatal(err)
				}
				transaction := fmt.Sprintf("adopt-%d-%d", os.Getpid(), transactions.Add(1))
				var claims []Claim
				for i := range n {
					s := benchSpec(path, dir, i)
					s.ID.Transaction = transaction
					s.Env = append(s.Env[1:], CookieName+"="+s.ID.Cookie(), HomeName+"="+dir)
					if err := c.Spawn(s); err != nil {
						b.Fatal(err)
					}
					ev := <-c.Events()
					claims = append(claims, Claim{ID: ev.ID, Start: ev.Start, Stop: s.Stop, Output: s.Output})
				}
				_ = syscall.Kill(c.PID(), syscall.SIGKILL)
				<-c.ended
				_ = c.Close()

				begin := time.Now()
				next, found, err := Adopt(b.Context(), o, claims)
				if err != nil || len(found) != n {
					for _, claim := range claims { // what we spawned and nobody holds
						_ = syscall.Kill(claim.Start.PID, syscall.SIGKILL)
					}
					b.Fatalf("adopted %d of %d: %v", len(found), n, err)
				}
				adopts = append(adopts, time.Since(begin))
				begin = time.Now()
				if err := next.Shutdown(b.Context()); err != nil {
					b.Fatal(err)
				}
				ends = append(ends, time.Since(begin))
				_ = next.Close()
			}
			b.ReportMetric(ms(median(adopts)), "adopt-ms")
			b.ReportMetric(ms(median(ends)), "end-ms")
			b.ReportMetric(0, "ns/op")
		})
	}
}

func count(b *testing.B, c *Client, kind Kind, n int) {
	b.Helper()
	var last uint64
	for n > 0 {
		ev, ok := <-c.Events()
		if !ok {
			b.Fatal(c.Err())
		}
		if ev.Kind == SpawnFailed {
			b.Fatal(ev.Err)
		}
		if ev.Kind == kind {
			n--
		}
		last = ev.Seq
	}
	_ = c.Ack(last)
}

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
