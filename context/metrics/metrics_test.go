package metrics

import (
	"context"
	"flag"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"zmicroservices/context/event"
)

var update = flag.Bool("update", false, "rewrite the golden file")

var now = time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)

// figures are those of two transactions of one file.
func figures() *event.Figures {
	task := func(id string, state event.State) *event.TaskView {
		return &event.TaskView{ID: event.TaskID(id), Instance: "I" + id, State: state, Present: !state.Ended(), Ready: state == event.Started}
	}
	cost := func(rss int64, at time.Time) *event.Cost {
		return &event.Cost{
			At: at,
			ProcessCost: event.ProcessCost{
				PID: 17, RSS: rss, VMS: 2 * rss, CPU: 50, FDs: 5, Threads: 2, Connections: map[string]int{"ESTABLISHED": 2, "LISTEN": 1},
			},
			Children: []event.ProcessCost{{PID: 18, Parent: 17, RSS: 1 << 20, FDs: 3, Threads: 1, Connections: map[string]int{"ESTABLISHED": 1}}},
		}
	}
	failed := task("ts002", event.Failed)
	failed.Dropped = 7
	return &event.Figures{
		At: now, Context: "context001", Began: now.Add(-time.Hour),
		Services: []event.ServiceFigures{
			{Transaction: "T1", TaskView: task("ts001", event.Started), Cost: cost(10<<20, now)},
			{Transaction: "T1", TaskView: failed},
			{Transaction: "T2", TaskView: task("ts001", event.Started), Cost: cost(20<<20, now.Add(-time.Second))},
			{Transaction: "T2", TaskView: task("ts002", event.Stopped)},
		},
		Self: []event.SelfFigures{
			{Process: "provider", PID: 1, RSS: 30 << 20, CPUSeconds: 1.5, FDs: 20, Threads: 8, Goroutines: 40},
			{Process: "keeper", PID: 2, RSS: 8 << 20, CPUSeconds: .25, FDs: 12, Threads: 6, Goroutines: 9},
		},
		Bus: event.BusFigures{
			Connections: 5, Shaking: 1, Publishers: 2, Subscribers: 2, Prefixes: 3, Accepted: 9, Refused: 1, Shed: 2,
			In: event.Traffic{Messages: 100, Bytes: 1000}, Out: event.Traffic{Messages: 200, Bytes: 2000},
			Dropped: event.Traffic{Messages: 3, Bytes: 30}, Denied: 4, Memory: 4096, QueuedMessages: 5, QueuedBytes: 50, LongestQueue: 4,
		},
		Journal: event.JournalFigures{Written: 42, Commits: 7, Lost: 1, Waiting: 2, Failing: "no space left on device"},
		Queues:  event.QueueFigures{Notices: 1, Events: 2, Slots: 3},
		Output:  event.OutputFigures{Dropped: 7, Bytes: 12345},
	}
}

func newMetrics(t *testing.T, most int) *Metrics {
	t.Helper()
	m, err := New(Options{
		Context: "context001", Version: "v1", MaxTasks: most,
		Figures:  func(context.Context) *event.Figures { return figures() },
		Instance: func(_ event.TransactionID, id event.TaskID) string { return "I" + string(id) },
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// scrape is what Prometheus is given.
func scrape(t *testing.T, m *Metrics) string {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if w.Code != 200 {
		t.Fatalf("%d: %s", w.Code, w.Body)
	}
	return w.Body.String()
}

// live is a task service that is started, fails, is restarted and stopped.
func live(m *Metrics) {
	at := func(seconds float64) time.Time { return now.Add(time.Duration(seconds * float64(time.Second))) }
	change := func(when float64, inc event.Incarnation, from, to event.State, origin event.Origin, exit *event.Exit) event.Change {
		return event.Change{
			At: at(when), Transaction: "T1", Task: "ts001", Incarnation: inc, From: from, To: to, Exit: exit, Cause: event.Cause{Origin: origin},
		}
	}
	killed := &event.Exit{Signal: "SIGKILL"}
	m.Changed([]event.Change{
		{At: at(0), Transaction: "T1", Event: "storm"}, // about nobody
		change(0, 1, event.Defined, event.Starting, event.ByOperator, nil),
		change(0.02, 1, event.Starting, event.Starting, event.ByOperator, nil), // spawned
		change(0.2, 1, event.Starting, event.Started, event.ByProcess, nil),
		change(10, 1, event.Started, event.Failed, event.ByProcess, killed),
		change(10, 1, event.Failed, event.Failed, event.ByProcess, killed), // all gone: the same exit once more
	})
	m.Changed([]event.Change{
		change(10.1, 2, event.Failed, event.Starting, event.ByPolicy, nil),
		change(10.4, 2, event.Starting, event.Started, event.ByProcess, nil),
		change(20, 2, event.Started, event.Stopping, event.ByOperator, nil),
		change(20.5, 2, event.Stopping, event.Stopping, event.ByProcess, &event.Exit{}),
		change(21, 2, event.Stopping, event.Stopped, event.ByProcess, &event.Exit{}),
	})
	m.Answered("T1", "ts001", 250*time.Millisecond, true)
	m.Answered("T1", "ts001", 500*time.Millisecond, true)
	m.Answered("T1", "ts001", time.Second, false)
}

// What is told is a contract with dashboards.
func TestWhatIsTold(t *testing.T) {
	m := newMetrics(t, 0)
	live(m)
	got := regexp.MustCompile(`goversion="[^"]*"`).ReplaceAllString(scrape(t, m), `goversion="go"`)
	golden := filepath.Join("testdata", "metrics.txt")
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the metrics differ from %s (-update rewrites it); got\n%s", golden, got)
	}
}

func TestPromtoolHasNothingToSay(t *testing.T) {
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		const need = "promtool is not here: apt-get install prometheus"
		if os.Getenv("CI") == "true" {
			t.Fatal(need)
		}
		t.Skip(need)
	}
	m := newMetrics(t, 0)
	live(m)
	check := exec.Command(promtool, "check", "metrics")
	check.Stdin = strings.NewReader(scrape(t, m))
	if out, err := check.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("%v: %s", err, out)
	}
}

// Ids that come by message are not ours to bound; their series are.
func TestTaskServicesBeyondTheBoundAreCountedTogether(t *testing.T) {
	m := newMetrics(t, 2)
	live(m)
	for _, id := range []event.TaskID{"x1", "x2", "x3"} {
		m.Changed([]event.Change{{Transaction: "T9", Task: id, Incarnation: 1, From: event.Starting, To: event.Failed}})
	}
	text := scrape(t, m)
	if !strings.Contains(text, `zms_task_failures_total{context="context001",task="other",task_instance=""} 2`) {
		t.Errorf("two of three are beyond the bound:\n%s", text)
	}
	if strings.Contains(text, `task="x2"`) || !strings.Contains(text, `task="x1"`) {
		t.Error("the first has a name, the next has none")
	}
}

func TestACounterOutlivesItsTransaction(t *testing.T) {
	m := newMetrics(t, 0)
	live(m)
	m.Forget("T1")
	if text := scrape(t, m); !strings.Contains(text, `zms_task_restarts_total{context="context001",task="ts001",task_instance="Its001"} 1`) {
		t.Errorf("it is gone:\n%s", text)
	}
	if len(m.lives.all) != 0 {
		t.Error("the transaction is remembered")
	}
}

func TestWrongOptionsAreErrors(t *testing.T) {
	for _, o := range []Options{{}, {Context: "c"}, {Context: "c", Figures: func(context.Context) *event.Figures { return nil }, MaxTasks: -1}} {
		if _, err := New(o); err == nil {
			t.Errorf("%+v: no error", o)
		}
	}
}
