package screen

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"zmicroservices/context/event"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestMain(m *testing.M) {
	time.Local = time.UTC // times in golden files
	os.Exit(m.Run())
}

var now = time.Date(2026, 11, 21, 14, 2, 30, 0, time.UTC)

// stage is a screen, and what it asked for.
type stage struct {
	*Screen
	t        *testing.T
	followed []Key
	ordered  []Order
}

func show(t *testing.T) *stage {
	s := &stage{t: t}
	s.Screen = New(Options{
		Title: "context002", Unicode: true,
		Follow: func(k Key) tea.Cmd { s.followed = append(s.followed, k); return nil },
		Do:     func(o Order) tea.Cmd { s.ordered = append(s.ordered, o); return nil },
	})
	return s
}

// press presses keys: a letter each, or names of keys.
func (s *stage) press(keys ...string) tea.Cmd {
	var cmd tea.Cmd
	special := map[string]rune{
		"up": tea.KeyUp, "down": tea.KeyDown, "enter": tea.KeyEnter, "esc": tea.KeyEscape, "end": tea.KeyEnd, "home": tea.KeyHome,
		"pgup": tea.KeyPgUp, "pgdown": tea.KeyPgDown, "backspace": tea.KeyBackspace,
	}
	for _, k := range keys {
		key := tea.Key{Code: []rune(k)[0], Text: k}
		switch code, ok := special[k]; {
		case ok:
			key = tea.Key{Code: code}
		case strings.HasPrefix(k, "ctrl+"):
			key = tea.Key{Code: rune(k[5]), Mod: tea.ModCtrl}
		}
		_, cmd = s.Update(tea.KeyPressMsg(key))
	}
	return cmd
}

// rest lets the cursor rest on what it is on.
func (s *stage) rest() { s.Update(settled{s.cursor.Key}) }

func (s *stage) expect(want ...string) {
	s.t.Helper()
	for _, w := range want {
		if !strings.Contains(s.Draw(), w) {
			s.t.Errorf("%q is not seen in\n%s", w, s.Draw())
		}
	}
}

// under is the line with the cursor.
func (s *stage) under() string {
	for l := range strings.Lines(s.Draw()) {
		if strings.HasPrefix(l, ">") {
			return l
		}
	}
	return ""
}

func service(id, instance string, state event.State, cost *event.Cost) event.ServiceFigures {
	v := &event.TaskView{
		ID: event.TaskID(id), Instance: instance, State: state, Ready: state == event.Started, Present: !state.Ended() && state != event.Created, Wanted: !state.Ended(),
		Since: now.Add(-time.Hour),
	}
	if v.Present {
		v.PID = 4711
	}
	f := event.ServiceFigures{Transaction: "6FDAHH3WPRVV7FGZCRIN", TaskView: v, Cost: cost}
	if state == event.Started {
		f.Uptime = 3600
	}
	return f
}

func cost(tick int, cpu float64, rss int64, children ...event.ProcessCost) *event.Cost {
	return &event.Cost{
		At:          now.Add(time.Duration(tick) * time.Second),
		ProcessCost: event.ProcessCost{PID: 4711, RSS: rss << 20, CPU: cpu, FDs: 9, Threads: 4, Connections: map[string]int{"ESTABLISHED": 2}},
		Children:    children,
	}
}

// four are the figures of the StateMachine sample, at a second.
func four(tick int) Figures {
	run := service("ts_102", "Run", event.Failed, nil)
	run.Restarts, run.Exit = 2, &event.Exit{Code: 1}
	cpu := []float64{1, 20, 55, 99, 12, 0, 3}[tick%7]
	return Figures{&event.Figures{
		At: now.Add(time.Duration(tick) * time.Second), Context: "context002", Began: now.Add(-2 * time.Hour),
		Services: []event.ServiceFigures{
			service("ts_100", "Stand", event.Started, cost(tick, cpu, 12)),
			service("ts_101", "Walk", event.Started, cost(tick, 2.5, 30+int64(tick),
				event.ProcessCost{PID: 4712, Parent: 4711, Name: "sh", RSS: 1 << 20, FDs: 3},
				event.ProcessCost{PID: 4713, Parent: 4712, Name: "sleep", RSS: 1 << 19, FDs: 3},
				event.ProcessCost{PID: 4714, Parent: 1, Name: "daemon", RSS: 1 << 19, FDs: 3},
			)),
			run,
			service("ts_103", "DrinkCoffee", event.Created, nil),
		},
		Self: []event.SelfFigures{{Process: "provider", RSS: 38 << 20, CPU: 0.4}, {Process: "keeper", RSS: 9 << 20, CPU: 0.1}},
		Bus: event.BusFigures{
			In: event.Traffic{Messages: uint64(100 + 12*tick)}, Out: event.Traffic{Messages: uint64(200 + 24*tick)},
		},
	}}
}

func (s *stage) play(ticks int) {
	for tick := range ticks {
		s.Update(four(tick))
	}
	s.rest()
	key := s.cursor.Key
	s.Update(Causes{key, "started since 13:02:30 because rule on_exit of ts_102 called it; ts_102 ended with exit code 0, after it had been asked to by an operator who wanted to see that", []event.Change{
		{At: now.Add(-time.Hour), Task: key.Task, From: event.Stopped, To: event.Starting, Event: "start asked", Cause: event.Cause{Origin: event.ByTransition, By: "on_exit of ts_102"}},
		{At: now.Add(-time.Hour), Task: key.Task, From: event.Starting, To: event.Started, Event: "ready", Cause: event.Cause{Origin: event.ByProcess}},
	}})
	s.Update(Lines{key, []Line{
		{now.Add(-2 * time.Second), "out", "step 1 of a walk"}, {now.Add(-time.Second), "err", "a stone\x1b[2J in the way"}, {now, "out", "tab\there"},
	}})
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got+"\n" != string(want) {
		t.Errorf("%s differs (-update rewrites it); got\n%s\nwant\n%s", path, got, want)
	}
}

func TestWhatIsSeen(t *testing.T) {
	s := show(t)
	golden(t, "empty.txt", s.Draw())
	s.play(9)
	golden(t, "80x24.txt", s.Draw())
	s.press("t")
	s.Update(tea.WindowSizeMsg{Width: 120, Height: 30})
	golden(t, "tree-120x30.txt", s.Draw())
	s.press("?")
	s.Update(tea.WindowSizeMsg{Width: 80, Height: 24})
	golden(t, "help.txt", s.Draw())
	s.press("?", "home")
	s.rest()
	s.opts.Colour, s.opts.Unicode = true, false
	s.Update(four(9))
	golden(t, "colour-ascii.txt", s.Draw())
}

// Nothing wraps and nothing is drawn below the edge, whatever the size and whatever
// services say of themselves.
func TestItFitsEverySize(t *testing.T) {
	s := show(t)
	s.opts.Colour = true
	s.play(50)
	f := four(50)
	for i := range 40 {
		odd := service(fmt.Sprint("漢字漢字漢字漢字漢字", i), "é\x1b[31m\n"+strings.Repeat("x", 200), event.Started, cost(50, 12345, 5_000_000))
		odd.Status = strings.Repeat("long ", 100)
		odd.Restarts, odd.Uptime = 123456, 1e9
		f.Services = append(f.Services, odd)
	}
	f.Bus.Dropped.Messages, f.Journal.Failing = 1e12, strings.Repeat("no space ", 50)
	s.Update(f)
	for _, keys := range [][]string{{}, {"end"}, {"t"}, {"l"}, {"/", "x"}, {"enter", "s"}, {"n", "?"}} {
		s.press(keys...)
		s.rest()
		s.Update(Lines{s.Screen.followed, []Line{{now, "out", strings.Repeat("漢", 300)}}})
		for _, size := range [][2]int{{80, 24}, {120, 40}, {79, 23}, {40, 10}, {20, 5}, {300, 100}, {1, 1}, {5, 2}, {81, 8}} {
			s.Update(tea.WindowSizeMsg{Width: size[0], Height: size[1]})
			lines := strings.Split(s.Draw(), "\n")
			if len(lines) > size[1] {
				t.Fatalf("%v at %v: %d lines", keys, size, len(lines))
			}
			for _, l := range lines {
				if w := ansi.StringWidth(l); w > size[0] {
					t.Fatalf("%v at %v: %d cells in %q", keys, size, w, l)
				}
				if strings.ContainsAny(ansi.Strip(l), "\x1b\x07\t") {
					t.Fatalf("%v at %v: a control character in %q", keys, size, l)
				}
			}
			if s.at() >= 0 && !s.help && size[1] > 5 && s.under() == "" && !strings.Contains(s.Draw(), "\x1b[7m>") {
				t.Fatalf("%v at %v: the cursor is not seen in\n%s", keys, size, s.Draw())
			}
		}
	}
}

func TestTheCursorStaysWithItsTaskService(t *testing.T) {
	s := show(t)
	s.Update(four(0))
	s.press("down")
	if !strings.HasPrefix(s.under(), ">ts_101") {
		t.Fatalf("under the cursor is %q", s.under())
	}
	for _, by := range []string{"c", "c", "m", "n", "n", "e", "u", "R", "d", "C", "o"} {
		if s.press(by); !strings.HasPrefix(s.under(), ">ts_101") {
			t.Errorf("sorted by %s: %q", by, s.under())
		}
	}
	s.press("t", "down")
	if !strings.HasPrefix(s.under(), ">└ sh") {
		t.Errorf("a descendant: %q", s.under())
	}
	gone := four(1)
	gone.Services[1].Cost.Children = nil
	if s.Update(gone); !strings.HasPrefix(s.under(), ">ts_101") {
		t.Errorf("when it ended: %q", s.under())
	}
}

func TestSortedByWhatIsAskedFor(t *testing.T) {
	s := show(t)
	s.Update(four(3)) // Stand takes 99 %, Walk 2.5
	for keys, want := range map[string]string{
		"c": "ts_100 ts_101 ts_102 ts_103", "m": "ts_101 ts_100 ts_102 ts_103", "R": "ts_102 ts_100 ts_101 ts_103",
		"nn": "ts_103 ts_102 ts_101 ts_100", "n": "ts_100 ts_101 ts_102 ts_103", "e": "ts_103 ts_102 ts_100 ts_101",
	} {
		s.press("o")
		s.press(strings.Split(keys, "")...)
		var got []string
		for _, r := range s.rows {
			got = append(got, string(r.Task))
		}
		if strings.Join(got, " ") != want {
			t.Errorf("by %s: %v, want %s", keys, got, want)
		}
	}
}

func TestFiltered(t *testing.T) {
	s := show(t)
	s.Update(four(0))
	s.press("/", "W", "a", "l")
	s.expect("/Wal_")
	if len(s.rows) != 1 || s.rows[0].Task != "ts_101" {
		t.Errorf("rows are %v", s.rows)
	}
	s.press("enter", "q") // q is a key again; what it does is bubbletea's
	s.press("/", "backspace", "backspace", "backspace", " ", "f", "a", "i", "l")
	if len(s.rows) != 1 || s.rows[0].Task != "ts_102" {
		t.Errorf("rows are %v", s.rows)
	}
	s.press("x", "y", "enter")
	s.expect("nothing matches")
	if len(s.ordered) > 0 {
		t.Error("a letter of the filter was an order")
	}
	s.press("esc")
	if len(s.rows) != 4 {
		t.Errorf("after esc: %d rows", len(s.rows))
	}
}

func TestAnOrderWantsAYes(t *testing.T) {
	s := show(t)
	s.Update(four(0))
	s.press("down", "x")
	s.expect("stop ts_101? y: yes")
	s.press("n")
	s.expect("nothing done")
	if s.press("r", "y"); len(s.ordered) != 1 || s.ordered[0] != (Order{"restart", Key{"6FDAHH3WPRVV7FGZCRIN", "ts_101"}}) {
		t.Fatalf("ordered was %v", s.ordered)
	}
	s.expect("restart ts_101 …")
	s.Update(Done{s.ordered[0], ""})
	s.expect("restarted ts_101")
	s.Update(Done{s.ordered[0], "it is\x1b[m ending"})
	s.expect("restart ts_101: it is·[m ending")
}

func TestTheLogIsThatOfTheOneUnderTheCursor(t *testing.T) {
	s := show(t)
	_, cmd := s.Update(four(0))
	if cmd == nil {
		t.Fatal("nothing says that the cursor has come to rest")
	}
	first := Key{"6FDAHH3WPRVV7FGZCRIN", "ts_100"}
	s.Update(settled{Key{"T", "other"}}) // it has gone on since
	s.Update(settled{first})
	s.Update(settled{first})
	if len(s.followed) != 1 || s.followed[0] != first {
		t.Fatalf("followed were %v", s.followed)
	}
	s.Update(Lines{Key{"T", "other"}, []Line{{now, "out", "of another"}}})
	s.Update(Lines{first, []Line{{now, "out", "of its own"}}})
	s.expect("14:02:30 | of its own")
	if strings.Contains(s.Draw(), "of another") {
		t.Error("another's log is seen")
	}
	s.press("down")
	s.rest()
	if len(s.followed) != 2 || strings.Contains(s.Draw(), "of its own") {
		t.Errorf("followed were %v", s.followed)
	}
}

func TestAProviderThatGoesAwayIsSaid(t *testing.T) {
	s := show(t)
	s.Update(four(0))
	s.rest()
	s.Update(Lost{errors.New("the provider went away")})
	s.expect("the provider went away")
	s.press("x")
	if s.confirm != nil {
		t.Error("an order to nobody")
	}
	_, cmd := s.Update(four(1))
	if s.rest(); cmd == nil || len(s.followed) != 2 {
		t.Errorf("the log is not followed anew: %v", s.followed)
	}
}

func TestTransactionsThatAreOverAreSeenWhenAskedFor(t *testing.T) {
	s := show(t)
	f := four(0)
	old := service("ts_100", "Stand", event.Stopped, nil)
	old.Transaction = "OLD"
	f.Services = append([]event.ServiceFigures{old}, f.Services...)
	s.Update(f)
	if len(s.rows) != 4 {
		t.Errorf("%d rows", len(s.rows))
	}
	if s.press("a", "home"); len(s.rows) != 5 {
		t.Errorf("%d rows", len(s.rows))
	}
	s.expect("ts_100 Stand, OLD")
}

func TestItHoldsStill(t *testing.T) {
	s := show(t)
	s.Update(four(0))
	s.press("p")
	s.Update(four(5))
	s.expect("frozen", "14:02:30")
	s.press("p")
	s.Update(four(6))
	s.expect("14:02:36")
}

func TestFiguresInFewLetters(t *testing.T) {
	for n, want := range map[int64]string{0: "0B", 999: "999B", 1000: "1.0K", 12 << 20: "12M", 1023 << 20: "1.0G", 5 << 40: "5.0T"} {
		if got := size(n); got != want {
			t.Errorf("size of %d is %s, want %s", n, got, want)
		}
	}
	for n, want := range map[float64]string{0: "0", 0.5: "0.5", 12: "12", 9999: "9999", 12345: "12k", 1.5e6: "1.5M", 1e12: "1.0T", 1e15: "lots"} {
		if got := count(n); got != want {
			t.Errorf("count of %v is %s, want %s", n, got, want)
		}
	}
	for n, want := range map[float64]string{0: "-", 42: "42s", 720: "12m", 11220: "3h07m", 1e5: "27h", 1e6: "11d"} {
		if got := span(n); got != want {
			t.Errorf("span of %v is %s, want %s", n, got, want)
		}
	}
	if got := sparkline([]float64{0, 50, 100, 1000}, 6, 100, blocks); got != "  ▁▅██" {
		t.Errorf("a sparkline is %q", got)
	}
}
