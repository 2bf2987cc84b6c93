package store

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// lock holds the file as another process would, so that no commit comes back.
func lock(t *testing.T, path string) (release func()) {
	t.Helper()
	other, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := other.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.ExecContext(t.Context(), "BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	return func() {
		t.Helper()
		_, err := conn.ExecContext(context.Background(), "ROLLBACK")
		if err := errors.Join(err, conn.Close(), other.Close()); err != nil {
			t.Error(err)
		}
	}
}

func TestNobodyWaitsLongForADiskThatDoesNotAnswer(t *testing.T) {
	o := options(t)
	o.Patience = 20 * time.Millisecond
	h := open(t, o).run()
	if err := h.durable(); err != nil {
		t.Fatal(err)
	}
	release := lock(t, o.Path)
	h.Do(insert(1))
	patient := make(chan error, 1)
	h.Durable(func(err error) { patient <- err })
	for range 3 { // also those that come while it hangs
		if err := h.durable(); !errors.Is(err, ErrStalled) {
			t.Errorf("a barrier was told %v", err)
		}
	}
	if s := h.Stats(); !s.Stalled || s.Waiting != 1 || s.Since.IsZero() {
		t.Errorf("stats %+v", s)
	}
	select {
	case err := <-patient:
		t.Errorf("one who can wait was told %v", err)
	default:
	}
	release()
	if err := once(t, "durable", patient); err != nil {
		t.Errorf("one who can wait was told %v", err)
	}
	for h.durable() != nil { //nolint:revive // each answer is a wait
	}
	if s := h.Stats(); s.Stalled || s.Written != 1 || s.Lost != 0 || !s.Since.IsZero() {
		t.Errorf("stats %+v", s)
	}
}

func TestTheRingKeepsTheNewestAndTheLatestOfAKey(t *testing.T) {
	o := options(t)
	o.Ring, o.Patience = 10, 20*time.Millisecond
	h := open(t, o).run()
	if err := h.durable(); err != nil {
		t.Fatal(err)
	}
	release := lock(t, o.Path)
	h.Do(insert(0))
	if err := h.durable(); !errors.Is(err, ErrStalled) { // 0 is in the writer's hand
		t.Fatal(err)
	}
	told := make(chan error, 1)
	for n := 1; n <= 100; n++ {
		h.Do(insert(n))
		h.Put("state", func(tx *Tx) error {
			_, err := tx.Exec(`INSERT INTO rows (n, text) VALUES (1000, ?1) ON CONFLICT DO UPDATE SET text = ?1`, fmt.Sprint(n))
			return err
		})
	}
	if s := h.Stats(); s.Lost != 95 || s.Waiting != 12 {
		t.Errorf("stats %+v", s)
	}
	h.Barrier(func(err error) { told <- err })
	if err := once(t, "barrier", told); !errors.Is(err, ErrStalled) && !errors.Is(err, ErrLost) {
		t.Errorf("a barrier behind what was lost was told %v", err)
	}
	release()
	for h.durable() != nil { //nolint:revive // each answer is a wait
	}
	if got := h.numbers(); !slices.Equal(got, []int{0, 96, 97, 98, 99, 100, 1000}) || h.text(1000) != "100" {
		t.Errorf("rows %v, state %q", got, h.text(1000))
	}
}

func TestABarrierBehindALossIsTold(t *testing.T) {
	o := options(t)
	o.Ring = 2
	h := open(t, o)
	for n := range 5 {
		h.Do(insert(n))
	}
	told := make(chan error, 2)
	h.Barrier(func(err error) { told <- err })
	h.run()
	if err := once(t, "barrier", told); !errors.Is(err, ErrLost) {
		t.Errorf("told %v", err)
	}
	if err := h.durable(); err != nil { // what came after is not its business
		t.Errorf("told %v", err)
	}
}

func TestCloseGivesUpADiskThatDoesNotAnswer(t *testing.T) {
	o := options(t)
	h := open(t, o).run()
	if err := h.durable(); err != nil {
		t.Fatal(err)
	}
	release := lock(t, o.Path)
	h.Do(insert(1))
	patient := make(chan error, 1)
	h.Durable(func(err error) { patient <- err })
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	err := h.Close(ctx)
	if err := once(t, "durable", patient); !errors.Is(err, ErrClosed) {
		t.Errorf("one who can wait was told %v", err)
	}
	if !errors.Is(err, ErrStalled) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
	release() // goleak sees that the writer ends
}

func TestCloseSaysWhatIsLost(t *testing.T) {
	o := options(t)
	o.Busy = time.Millisecond
	h := open(t, o)
	release := lock(t, o.Path)
	defer release()
	h.Do(insert(1))
	h.Do(insert(2))
	told := make(chan error, 1)
	h.Durable(func(err error) { told <- err })
	defer func() {
		if err := once(t, "durable", told); !errors.Is(err, ErrClosed) {
			t.Errorf("one who can wait was told %v", err)
		}
	}()
	if err := h.Close(t.Context()); err == nil || !strings.Contains(err.Error(), "2 writes lost") {
		t.Errorf("%v", err)
	}
	if s := h.Stats(); s.Lost != 2 || s.Waiting != 0 {
		t.Errorf("stats %+v", s)
	}
}

// damage writes over the pages of a file from the second on, as a bad disk would.
func damage(t *testing.T, path string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	junk := make([]byte, info.Size()-4096)
	for i := range junk {
		junk[i] = byte(i * 7)
	}
	if _, err := f.WriteAt(junk, 4096); err != nil {
		t.Fatal(err)
	}
}

// aside is the file that was moved away.
func aside(t *testing.T, path string) string {
	t.Helper()
	found, _ := filepath.Glob(path + ".corrupt-*Z")
	if len(found) != 1 {
		t.Fatalf("moved aside: %v", found)
	}
	return found[0]
}

func TestADamagedFileIsMovedAsideAndANewOneBegun(t *testing.T) {
	for name, spoil := range map[string]func(t *testing.T, path string){
		"no database": func(t *testing.T, path string) {
			if err := os.WriteFile(path, []byte(strings.Repeat("this is a diary\n", 300)), 0o600); err != nil {
				t.Fatal(err)
			}
		},
		"torn header": func(t *testing.T, path string) {
			if err := os.Truncate(path, 50); err != nil {
				t.Fatal(err)
			}
		},
		"torn schema": func(t *testing.T, path string) {
			f, err := os.OpenFile(path, os.O_RDWR, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if _, err := f.WriteAt(make([]byte, 3000), 100); err != nil {
				t.Fatal(err)
			}
		},
		"vital table": damage,
	} {
		t.Run(name, func(t *testing.T) {
			o := options(t)
			o.Vital = []string{"rows"}
			h := open(t, o)
			h.Do(insert(1))
			if err := h.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			spoil(t, o.Path)
			before, err := os.ReadFile(o.Path)
			if err != nil {
				t.Fatal(err)
			}
			h = open(t, o).run()
			h.Do(insert(2))
			if err := h.durable(); err != nil {
				t.Fatal(err)
			}
			if got := h.numbers(); !slices.Contains(got, 2) {
				t.Errorf("rows %v", got)
			}
			after, err := os.ReadFile(aside(t, o.Path))
			if err != nil || string(after) != string(before) {
				t.Errorf("what was moved aside is not what was there: %v", err)
			}
		})
	}
}

// A bad page of a table that can be done without: met while it runs. What is
// vital is carried over, what waits is written, readers see the new file.
func TestDamageWhileItRunsIsMended(t *testing.T) {
	o := options(t)
	o.Schema = []string{schema[0], `CREATE TABLE wanted (name TEXT PRIMARY KEY, value BLOB); CREATE TABLE bulk (text TEXT)`}
	o.Vital = []string{"wanted"}
	h := open(t, o)
	exec := func(query string, args ...any) {
		h.Do(func(tx *Tx) error {
			_, err := tx.Exec(query, args...)
			return err
		})
	}
	exec(`INSERT INTO wanted VALUES ('a', x'00ff'), ('b', NULL)`)
	for range 500 {
		exec(`INSERT INTO bulk VALUES (?)`, strings.Repeat("x", 1000))
	}
	if err := h.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	// The pages of bulk are the last ones.
	f, err := os.OpenFile(o.Path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt(make([]byte, 400<<10), 60<<10); err != nil {
		t.Fatal(err)
	}
	f.Close()

	h = open(t, o)
	exec(`INSERT INTO rows (n) VALUES (1)`)
	exec(`UPDATE bulk SET text = 'y'`) // meets it
	exec(`INSERT INTO rows (n) VALUES (2)`)
	h.run()
	for h.durable() != nil { //nolint:revive // each answer is a wait
	}
	if got := h.numbers(); !slices.Equal(got, []int{1, 2}) {
		t.Errorf("rows %v", got)
	}
	rows, err := h.Read(t.Context(), `SELECT name, value FROM wanted ORDER BY name`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var got []string
	for rows.Next() {
		var name string
		var value []byte
		if err := rows.Scan(&name, &value); err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprintf("%s=%x", name, value))
	}
	if !slices.Equal(got, []string{"a=00ff", "b="}) {
		t.Errorf("of what is vital there is %v", got)
	}
	aside(t, o.Path)
}

// full fills a store until writing fails, sees that nobody waits, lets space be
// made, and sees that it goes on.
func full(h held, makeRoom func()) error {
	text := strings.Repeat("x", 2000)
	n := 0
	write := func() {
		n++
		row := n
		h.Do(func(tx *Tx) error {
			_, err := tx.Exec(`INSERT INTO rows (n, text) VALUES (?, ?)`, row, text)
			return err
		})
	}
	confirmed := 0 // before anything was lost
	// A file that may not grow can still have room: a checkpoint moves the log into
	// the database, and the log begins anew. Full is what is full after that.
	for full := false; !full; {
		var why error
		for why == nil {
			if n > 100_000 {
				return errors.New("the disk does not get full")
			}
			for range 20 {
				write()
			}
			if why = h.durable(); why == nil && h.Stats().Lost == 0 {
				confirmed = n
			}
		}
		if confirmed == 0 {
			return fmt.Errorf("nothing was ever written: %w", why)
		}
		began := time.Now()
		for range 3 * h.opts.Ring {
			write()
		}
		err := h.durable()
		if took := time.Since(began); took > 5*time.Second {
			return fmt.Errorf("writing to a full disk has taken %v", took)
		}
		got, s := len(h.numbers()), h.Stats()
		if got < confirmed || got > n {
			return fmt.Errorf("%d rows of %d confirmed and %d tried can be read while the disk is full", got, confirmed, n)
		}
		if full = err != nil && s.Failing != ""; full && (s.Lost == 0 || s.Waiting == 0 || s.Waiting > h.opts.Ring+group) {
			return fmt.Errorf("stats while full: %+v", s)
		}
	}
	makeRoom()
	for deadline := time.Now().Add(30 * time.Second); h.durable() != nil; {
		if time.Now().After(deadline) {
			return fmt.Errorf("it does not recover: %+v", h.Stats())
		}
	}
	s := h.Stats()
	if s.Failing != "" || s.Waiting != 0 {
		return fmt.Errorf("stats afterwards: %+v", s)
	}
	got := h.numbers()
	if len(got)+int(s.Lost) != n || !slices.Equal(got[:confirmed], count(1, confirmed)) || got[len(got)-1] != n {
		return fmt.Errorf("%d rows and %d lost of %d; the last is %d", len(got), s.Lost, n, got[len(got)-1])
	}
	return nil
}

func TestAFullDiskIsSurvived(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("mounting a small tmpfs takes root; the same is tried with a limit on the file size")
	}
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=1m"); err != nil {
		t.Skipf("mount a small tmpfs: %v; the same is tried with a limit on the file size", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	o := options(t)
	o.Path, o.Ring, o.Retry = filepath.Join(dir, "test.db"), 100, 50*time.Millisecond
	h := open(t, o).run()
	if err := full(h, func() {
		if err := syscall.Mount("", dir, "", syscall.MS_REMOUNT, "size=20m"); err != nil {
			t.Fatal(err)
		}
	}); err != nil {
		t.Fatal(err)
	}
	if err := h.Close(t.Context()); err != nil { // or the mount stays busy
		t.Error(err)
	}
}

// The limit is the process's, so the store is in one of its own.
func TestAFileThatMayNotGrowIsSurvived(t *testing.T) {
	out, err := spawn(t, "full", t.TempDir()).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "survived") {
		t.Fatalf("%v\n%s", err, out)
	}
}

func spawn(t *testing.T, mode string, args ...string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return exec.Command(exe, append([]string{"child", mode}, args...)...)
}

func child(mode string, args []string) int {
	o := Options{
		Path: filepath.Join(args[0], "test.db"), Schema: schema,
		Logger: slog.New(slog.NewTextHandler(os.Stderr, nil)),
	}
	switch mode {
	case "full":
		signal.Ignore(syscall.SIGXFSZ)
		o.Ring, o.Retry = 100, 50*time.Millisecond
		d, err := Open(context.Background(), o)
		if err != nil {
			panic(err)
		}
		go func() { _ = d.Run(context.Background()) }() // ends with the process
		var before syscall.Rlimit
		if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
			panic(err)
		}
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 512 << 10, Max: before.Max}); err != nil {
			panic(err)
		}
		err = full(held{d, bench{}}, func() {
			if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
				panic(err)
			}
		})
		if err != nil {
			fmt.Println(err)
			return 1
		}
		fmt.Println("survived")
		return 0
	case "count": // rows without end; says which are in the file
		d, err := Open(context.Background(), o)
		if err != nil {
			panic(err)
		}
		go func() { _ = d.Run(context.Background()) }() // ends with the process
		n, _ := strconv.Atoi(args[1])
		said := make(chan int, 1024) // from the writer, which must not wait for a pipe
		go func() {                  // ends with the process
			for n := range said {
				fmt.Println(n)
			}
		}()
		slots := make(chan struct{}, 512) // bounds what is under way
		for {
			n++
			row := n
			slots <- struct{}{}
			d.Do(insert(row))
			d.Barrier(func(err error) {
				<-slots
				if err != nil {
					panic(err)
				}
				said <- row
			})
		}
	}
	return 99
}

// bench is a testing.TB of a process that is no test.
type bench struct{ testing.TB }

func (bench) Helper()                   {}
func (bench) Context() context.Context  { return context.Background() }
func (bench) Fatal(args ...any)         { panic(fmt.Sprint(args...)) }
func (bench) Fatalf(f string, a ...any) { panic(fmt.Sprintf(f, a...)) }

// A process that is killed at any moment: what a barrier has confirmed is in the
// file, in order and without a gap.
func TestWhatWasConfirmedOutlivesAKill(t *testing.T) {
	o := options(t)
	dir := filepath.Dir(o.Path)
	rounds, last := 30, 0
	for round := range rounds {
		cmd := spawn(t, "count", dir, strconv.Itoa(last))
		cmd.Stderr = t.Output()
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		confirmed, after := 0, 1+rand.IntN(1000)
		for lines.Scan() {
			n, err := strconv.Atoi(lines.Text())
			if err != nil {
				t.Fatalf("round %d said %q", round, lines.Text())
			}
			confirmed = n
			if after--; after == 0 {
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
			if after < -100_000 {
				t.Fatal("it does not die")
			}
		}
		_ = cmd.Wait() // killed
		h := open(t, o)
		got := h.numbers()
		if len(got) < confirmed || !slices.Equal(got, count(1, len(got))) {
			t.Fatalf("round %d: %d was confirmed, %d rows are there", round, confirmed, len(got))
		}
		last = len(got)
		if err := h.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d rows in %d rounds", last, rounds)
}
