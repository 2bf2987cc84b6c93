package agent

import (
	"errors"
	"os"
	"testing"
	"time"
)

func TestTheOwnProcess(t *testing.T) {
	p, err := NewProcess(0)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	first, err := p.Read(now)
	if err != nil {
		t.Fatal(err)
	}
	if first.PID != os.Getpid() || first.RSS < 1<<20 || first.FDs < 3 || first.Threads < 2 || first.Uptime < 0 || first.Uptime > 3600 {
		t.Errorf("%+v", first)
	}
	// Two ticks of work: the clock of /proc has moved.
	sum := 0
	for used := first.CPUTime; used < first.CPUTime+0.02; {
		for i := range 1_000_000 {
			sum += i
		}
		again, err := p.Read(now.Add(time.Second))
		if err != nil {
			t.Fatal(err)
		}
		used = again.CPUTime
	}
	if last, err := p.Read(now.Add(2 * time.Second)); err != nil || last.CPUPercent < 0 || last.CPUPercent > 200 || sum == 0 {
		t.Errorf("%+v, %v", last, err)
	}
}

func TestAProcessThatIsNoneOrAnother(t *testing.T) {
	if _, err := NewProcess(1 << 30); !errors.Is(err, ErrGone) {
		t.Errorf("got %v", err)
	}
	p, err := NewProcess(0)
	if err != nil {
		t.Fatal(err)
	}
	p.started++
	if _, err := p.Read(time.Now()); !errors.Is(err, ErrGone) {
		t.Errorf("got %v", err)
	}
	if _, err := p.watch(); !errors.Is(err, ErrGone) {
		t.Errorf("got %v", err)
	}
}

func TestStatWithAnyName(t *testing.T) {
	const rest = " S 1 2 3 4 5 6 7 8 9 10 250 50 0 0 20 0 7 0 12345 0 99 0 0"
	for _, name := range []string{"pump", "a b", ") S 1 (", ""} {
		s, err := parseStat([]byte("7 (" + name + ")" + rest))
		if err != nil || s != (stat{cpu: 3, threads: 7, started: 12345, pages: 99}) {
			t.Errorf("%q: %+v, %v", name, s, err)
		}
	}
	for _, text := range []string{"", "7 (x) S", "7 (x) Z" + rest[2:], "7 (x) S 1 2 3 4 5 6 7 8 9 10 a b 0 0 20 0 7 0 12345 0 99"} {
		if _, err := parseStat([]byte(text)); err == nil {
			t.Errorf("%q is read", text)
		}
	}
}

func FuzzStat(f *testing.F) {
	f.Add([]byte("7 (x) S 1 2 3 4 5 6 7 8 9 10 250 50 0 0 20 0 7 0 12345 0 99 0 0"))
	f.Fuzz(func(t *testing.T, text []byte) { _, _ = parseStat(text) })
}

func BenchmarkRead(b *testing.B) {
	p, err := NewProcess(0)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.Read(time.Now()); err != nil {
			b.Fatal(err)
		}
	}
}
