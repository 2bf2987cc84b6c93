package keeper

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// nobody is whom a program may become here; the account is everywhere.
const nobody = 65534

func onlyRoot(t *testing.T) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("only root may become another user")
	}
}

// printed is what a program says until it ends.
func (h *held) printed(s Spec) string {
	h.t.Helper()
	s.Output.Log = filepath.Join(h.dir, s.ID.Task+".log")
	id := h.spawn(s)
	h.await(id, Spawned)
	h.await(id, Gone)
	text, err := os.ReadFile(s.Output.Log)
	if err != nil {
		h.t.Fatal(err)
	}
	var out strings.Builder
	for line := range strings.Lines(string(text)) {
		_, line, _ = strings.Cut(line, " ")
		out.WriteString(line)
	}
	return out.String()
}

func pointer(n int) *int { return &n }

func TestAttributesAreTheProgramsOwn(t *testing.T) {
	onlyRoot(t)
	h := start(t)
	s := spec("ts001")
	s.Path, s.Argv = "/bin/cat", []string{"named", "/proc/self/status", "/proc/self/limits", "/proc/self/stat"}
	s.Attributes = &Attributes{
		Credential: &Credential{Name: "user nobody", UID: nobody, GID: nobody, Groups: []uint32{nobody, 12}},
		Umask:      pointer(0o27), Nice: pointer(7), Affinity: []int{0},
		Limits: []RLimit{{"nofile", 100, 200}, {"nproc", 300, 400}, {"as", 64 << 20, Unlimited}, {"core", 0, 0}},
	}
	got := h.printed(s)
	for _, want := range []string{
		"Uid:\t65534\t65534\t65534\t65534", "Gid:\t65534\t65534\t65534\t65534", "Groups:\t12 65534", "Umask:\t0027", "Cpus_allowed_list:\t0\n",
		"CapEff:\t0000000000000000",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in %s", want, got)
		}
	}
	words := strings.Join(strings.Fields(got), " ")
	for _, want := range []string{
		"Max open files 100 200", "Max processes 300 400", "Max address space 67108864 unlimited", "Max core file size 0 0",
	} {
		if !strings.Contains(words, want) {
			t.Errorf("no %q in %s", want, words)
		}
	}
	stat := strings.Fields(words[strings.LastIndex(words, "(cat) ")+len("(cat) "):])
	if nice := stat[16]; nice != "7" {
		t.Errorf("nice is %s", nice)
	}
	if pid := h.await(s.ID, Spawned).PID; !strings.Contains(words, "Pid: "+strconv.Itoa(pid)+" ") || !strings.Contains(words, "PPid: "+strconv.Itoa(h.PID())+" ") {
		t.Errorf("pid %d or its parent is another: %s", pid, words)
	}
}

// What a program finds is the same by way of a passage: descriptors, variables,
// arguments, signals, limits. An entry that is no UTF-8 is there too.
func TestAPassageLeavesNoTrace(t *testing.T) {
	h := start(t)
	var found [2][2]string
	for i, a := range []*Attributes{nil, {Umask: pointer(0o22)}} {
		s := spec("ts001", "child", "world")
		s.ID.Incarnation = uint64(i + 1)
		s.Env = append(s.Env, "ODD=\xff\xfe", "GODEBUG=x=1")
		s.Attributes = a
		found[i][0] = h.printed(s)
		s = spec("ts002")
		s.ID.Incarnation = uint64(i + 1)
		s.Path, s.Argv, s.Dir = "/bin/cat", []string{"cat", "/proc/self/limits"}, h.dir
		s.Attributes = a
		found[i][1] = h.printed(s)
		for _, task := range []string{"ts001", "ts002"} {
			if err := os.Remove(filepath.Join(h.dir, task+".log")); err != nil {
				t.Fatal(err)
			}
		}
	}
	pipe := func(text string) string { // their numbers differ
		var out strings.Builder
		for line := range strings.Lines(text) {
			line, _, _ = strings.Cut(line, "pipe:")
			out.WriteString(line)
		}
		return out.String()
	}
	if got, want := pipe(found[1][0]), pipe(found[0][0]); got != want || !strings.Contains(want, `ODD=\xff\xfe`) {
		t.Errorf("got %s\nwant %s", got, want)
	}
	if got, want := found[1][1], found[0][1]; got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
}

func TestAUserMayOpenItsOwnStdout(t *testing.T) {
	onlyRoot(t)
	h := start(t)
	s := spec("ts001")
	s.Path, s.Argv = "/bin/sh", []string{"sh", "-c", "echo once more >/dev/stdout; echo and err >/dev/stderr"}
	s.Attributes = &Attributes{Credential: &Credential{Name: "user nobody", UID: nobody, GID: nobody, Groups: []uint32{nobody}}}
	if got := h.printed(s); got != "out once more\nerr and err\n" {
		t.Errorf("got %q", got)
	}
}

func TestWhatTheKernelRefusesIsNamed(t *testing.T) {
	onlyRoot(t)
	h := start(t)
	closed := filepath.Join(h.dir, "closed")
	if err := os.Mkdir(closed, 0o700); err != nil {
		t.Fatal(err)
	}
	someone := Credential{Name: "user nobody", UID: nobody, GID: nobody, Groups: []uint32{nobody}}
	for i, c := range []struct {
		change func(*Spec)
		want   string
	}{
		{func(s *Spec) { s.Attributes.Affinity = []int{8191} }, "set affinity to 8191: invalid argument; this machine lets it use none"},
		{func(s *Spec) { s.Attributes.Credential, s.Dir = &someone, closed }, "change directory to " + closed + " as user nobody: permission denied"},
		{func(s *Spec) { s.Attributes.Credential, s.Path = &someone, closed+"/x" }, "execute " + closed + "/x: permission denied as user nobody"},
		{func(s *Spec) { s.Path = "/no/such/file" }, "execute /no/such/file: no such file or directory"},
		{func(s *Spec) { s.Attributes.Limits = []RLimit{{"nofile", 1, Unlimited}} }, "set limit nofile to 1:unlimited: operation not permitted; only root may raise"},
		{func(s *Spec) { s.Attributes.Limits = []RLimit{{"nofile", 2, 1}} }, "limit nofile: soft 2 is above hard 1"},
		{func(s *Spec) { s.Attributes.Limits = []RLimit{{"rss", 1, 1}} }, `limit "rss" does not exist`},
		{func(s *Spec) { s.Attributes.Umask = pointer(0o1000) }, "umask 01000 does not exist"},
		{func(s *Spec) { s.Attributes.Nice = pointer(20) }, "nice 20 is not between"},
	} {
		s := spec("ts00"+strconv.Itoa(i), "child", "hang")
		s.Attributes = &Attributes{}
		c.change(&s)
		if ev := h.await(h.spawn(s), SpawnFailed); !strings.HasPrefix(ev.Err, c.want) {
			t.Errorf("got %q, want %q", ev.Err, c.want)
		}
	}
	h.nothingLeft()
}

// A keeper that is not root may give what its user may, and says what it may not.
func TestWithoutRootWhatNeedsItIsRefused(t *testing.T) {
	onlyRoot(t)
	own := &Credential{Name: "user nobody", UID: nobody, GID: nobody, Groups: []uint32{nobody}}
	for _, c := range []struct {
		give Attributes
		want string
	}{
		{Attributes{Credential: own, Umask: pointer(0o77), Nice: pointer(19), Limits: []RLimit{{"core", 0, 0}}}, ""},
		{Attributes{Credential: &Credential{Name: "user root", Groups: []uint32{0}}}, "become user root: operation not permitted; run the provider as root, or drop <user>"},
		{Attributes{Credential: &Credential{Name: "group root", UID: nobody}}, "become group root: operation not permitted; run the provider as root"},
		{Attributes{Nice: pointer(-3)}, "set nice to -3: permission denied; only root"},
		{Attributes{Limits: []RLimit{{"core", 0, 0}, {"nofile", 10, 1 << 29}}}, "set limit nofile to 10:536870912: operation not permitted; only root may raise a hard limit"},
	} {
		s := spec("ts001")
		s.Path, s.Argv, s.Attributes = "/bin/true", []string{"true"}, &c.give
		pidfd := -1
		pid, err := (&spawner{}).become(s, &syscall.ProcAttr{
			Files: []uintptr{0, 1, 2},
			Sys:   &syscall.SysProcAttr{Setpgid: true, PidFD: &pidfd, Credential: &syscall.Credential{Uid: nobody, Gid: nobody}},
		})
		if (err == nil) != (c.want == "") || err != nil && !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("got %v, want %q", err, c.want)
		}
		if err == nil {
			_, _ = syscall.Wait4(pid, nil, 0, nil)
			_ = syscall.Close(pidfd)
		}
	}
}

func TestAKeeperThatIsTooOldForAttributesIsToldOf(t *testing.T) {
	dir := t.TempDir()
	recorded(t, dir)
	c, _, err := Attach(t.Context(), Options{RuntimeDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	s := spec("ts001", "child", "hang")
	s.Attributes = &Attributes{Nice: pointer(1)}
	if err := c.Spawn(s); err == nil || !strings.Contains(err.Error(), ErrVersion.Error()+" (version 1)") {
		t.Errorf("got %v", err)
	}
}
