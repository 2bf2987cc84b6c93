package sample

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/shirou/gopsutil/v3/process"
	"golang.org/x/sys/unix"
)

const statText = `4711 (a) S 1 (b) S 1234 4711 4711 0 -1 4194304 1 2 3 4 250 50 7 8 20 0 3 0 987654321 2465792 384 18446744073709551615 1 1 0 0 0 0 0 4096 65536 0 0 0 17 1 0 0 42 0 0 0 0 0 0 0 0 0 0
`

func TestANameMayHoldAnything(t *testing.T) {
	var s stat
	if err := parseStat([]byte(statText), &s); err != nil {
		t.Fatal(err)
	}
	want := stat{name: []byte("a) S 1 (b"), letter: 'S', ppid: 1234, utime: 250, stime: 50, iowait: 42, threads: 3, start: 987654321}
	if diff := cmp.Diff(want, s, cmp.AllowUnexported(stat{})); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	for _, cut := range []string{"", "1", "1 (a", "1 (a)", "1 (a) S", "1 (a) S 1 2", ") ("} {
		if err := parseStat([]byte(cut), &s); err == nil {
			t.Errorf("%q is no error", cut)
		}
	}
}

func TestMapsKeepBlanksInPaths(t *testing.T) {
	const text = `55d0c0000000-55d0c0001000 r--p 00000000 fe:00 123                        /opt/two words/lib (deleted)
Size:                  4 kB
KernelPageSize:        4 kB
Rss:                   3 kB
Pss:                   2 kB
Shared_Clean:          1 kB
VmFlags: rd mr mw me
7f0000000000-7f0000002000 rw-p 00000000 00:00 0 
Size:                  8 kB
Anonymous:             8 kB
Swap:                  5 kB
`
	want := []process.MemoryMapsStat{
		{Path: "/opt/two words/lib (deleted)", Size: 4, Rss: 3, Pss: 2, SharedClean: 1}, {Path: "[anon]", Size: 8, Anonymous: 8, Swap: 5},
	}
	old := []process.MemoryMapsStat{{Path: "/old", PrivateClean: 9}, {Path: "[anon]", Swap: 1}, {Path: "more"}}
	if diff := cmp.Diff(want, parseMaps([]byte(text), old[:0])); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestSocketsAreReadFromTheFilesOfProc(t *testing.T) {
	for _, c := range []struct {
		kind   kind
		family uint8
		line   string
		want   *record
		path   string
	}{
		{
			tcp, unix.AF_INET, "   0: 0100007F:1F90 0200007F:D431 01 00000000:00000000 00:00000000 00000000  1000        0 4711 1 0000000000000000 100 0 0 10 0",
			&record{inode: 4711, state: 1, sockType: unix.SOCK_STREAM, lport: 8080, rport: 54321, laddr: [16]byte{127, 0, 0, 1}, raddr: [16]byte{127, 0, 0, 2}}, "",
		},
		{
			udp, unix.AF_INET6, "  12: 00000000000000000000000001000000:0035 00000000000000000000000000000000:0000 07 00000000:00000000 00:00000000 00000000 0 0 99 2 0 0",
			&record{inode: 99, sockType: unix.SOCK_DGRAM, lport: 53, laddr: [16]byte{15: 1}}, "",
		},
		{
			unixSocket, unix.AF_UNIX, "0000000000000000: 00000002 00000000 00010000 0001 01 31337 /run/two words",
			&record{inode: 31337, sockType: unix.SOCK_STREAM}, "/run/two words",
		},
		{unixSocket, unix.AF_UNIX, "0000000000000000: 00000003 00000000 00000000 0002 03 8", &record{inode: 8, sockType: unix.SOCK_DGRAM}, ""},
		{tcp, unix.AF_INET, "0: 0100007F:1F90", nil, ""},
		{tcp, unix.AF_INET, "0: 0100007F:1F90 0200007:D431 01 0 0 0 0 0 4711", nil, ""},
		{tcp, unix.AF_INET, "0: 0100007F:1F90 0200007F:D431 06 0 0 0 0 0 0", nil, ""}, // nobody's any more
	} {
		r := record{kind: c.kind, family: c.family}
		path, ok := r.line([]byte(c.line))
		if ok != (c.want != nil) {
			t.Errorf("%q: %v", c.line, ok)
		}
		if c.want == nil {
			continue
		}
		c.want.kind, c.want.family = c.kind, c.family
		if r != *c.want || string(path) != c.path {
			t.Errorf("%q is read as %+v %q", c.line, r, path)
		}
	}
}

func TestAbstractNamesAreShownAsProcShowsThem(t *testing.T) {
	for name, want := range map[string]string{"\x00a\x00b": "@a@b", "/run/x\x00": "/run/x", "/run/x": "/run/x", "": ""} {
		if got := string(unixName([]byte(name))); got != want {
			t.Errorf("%q is shown as %q", name, got)
		}
	}
}

// Whatever the kernel says, nothing panics.
func FuzzParsers(f *testing.F) {
	f.Add([]byte(statText))
	f.Add([]byte("123 45 6 7 0 8 0\n"))
	f.Add([]byte("Name:\tx\nUid:\t0\t1\t2\t3\nvoluntary_ctxt_switches:\t5\nnonvoluntary_ctxt_switches:\t6\n"))
	f.Add([]byte("rchar: 1\nsyscr: 2\nsyscw: 3\nread_bytes: 4\nwrite_bytes: 5\n"))
	f.Add([]byte("55d0-55d1 r--p 0 fe:00 1 /x\nSize: 4 kB\n"))
	f.Add([]byte("0: 0100007F:1F90 0200007F:D431 01 0 0 0 0 0 4711 1"))
	f.Add([]byte("\x48\x00\x00\x00\x14\x00\x02\x00\x01\x00\x00\x00\x00\x00\x00\x00\x02\x0a"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var s stat
		_ = parseStat(b, &s)
		_, _, _ = parseStatm(b)
		var switches process.NumCtxSwitchesStat
		_, _ = parseStatus(b, nil, &switches)
		var io process.IOCountersStat
		_ = parseIO(b, &io)
		parseMaps(b, nil)
		for k := tcp; k <= unixSocket; k++ {
			r := record{kind: k}
			_, _ = r.line(b)
			_, _ = parseAnswers(append([]byte(nil), b...), 1, k, &r, func(*record, []byte) {})
		}
		_, _ = socketInode(b)
		_, _ = leading(b)
	})
}
