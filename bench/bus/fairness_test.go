package bus_test

import (
	"fmt"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"zmicroservices/test/harness"
)

// fairGoal is how much longer somebody else's messages may take.
const fairGoal = 2.0

const busyMachine = "a busy machine"

// strain is what happens on the bus beside those who are measured.
type strain struct {
	name  string
	loads [][]string // of peers: what is connected, in this order
}

// A strain's loads speak by hand, and as fast as they can. FRONT and BACK stand for
// the endpoints. The busy machine is for comparison: it has as little left for the
// rest as when the forwarder has all it wants, and a quiet bus.
var strains = []strain{
	{"nothing", nil},
	{busyMachine, [][]string{{"spin", "BACK", "2", "0"}}},
	{"a babbling publisher", [][]string{{"rawsub", "BACK", "1", "200"}, {"rawpub", "FRONT", "1", "200"}}},
	{"a saturated bus, 4 to 8", [][]string{{"rawsub", "BACK", "8", "1500"}, {"rawpub", "FRONT", "4", "1500"}}},
	{"1,000 stalled subscribers", [][]string{{"stall", "BACK", "1000", "1500", "x"}, {"rawsub", "BACK", "1", "1500"}, {"rawpub", "FRONT", "1", "1500"}}},
}

// begin starts the loads. The kernel gives them what nobody else wants: whether the
// forwarder is fair is the question, not whether the machine has a core too few.
func (s strain) begin(b *testing.B, peers string, p *harness.Provider) (end func()) {
	b.Helper()
	var all []*process
	for _, load := range s.loads {
		args := []string{"-n", "19", peers}
		if s.name == busyMachine {
			args[1] = "0"
		}
		for _, arg := range load {
			switch arg {
			case "FRONT":
				arg = p.Publish
			case "BACK":
				arg = p.Subscribe
			}
			args = append(args, arg)
		}
		child := start(b, "nice", args...)
		child.expect("ready")
		all = append(all, child)
	}
	return func() {
		for _, child := range slices.Backward(all) {
			child.stop()
		}
	}
}

// fairness is what others notice of a strain. Times are in milliseconds.
type fairness struct {
	latency
	asked   []float64 // a question on the bus, to its answer
	tool    []float64 // conf_command state, from its start to its end
	failed  []float64 // from kill -9 to "failed" at a subscriber
	delayed []float64 // how late the restart after a backoff of 100 ms is said
}

// backoff is the pause before a restart.
const backoff = 100 * time.Millisecond

// BenchmarkFairness measures what a strain on the bus does to everybody else: one
// message each millisecond from somebody to somebody, exits, timers and operators.
// It runs the built product.
func BenchmarkFairness(b *testing.B) {
	peers := build(b)
	t := newTable("beside", "p50 µs", "to quiet", "goal", "p99 µs", "to quiet", "goal",
		"question ms p50 / max", "`conf_command` ms p50 / max", "kill → failed ms p50 / max", "timer late ms p50 / max")
	defer t.print()
	var quiet latency
	for _, s := range strains {
		b.Run(s.name, func(b *testing.B) {
			var all []fairness
			for range rounds {
				all = append(all, s.measure(b, peers))
			}
			now := latency{
				p50: median(all, func(f fairness) float64 { return f.p50 }),
				p99: median(all, func(f fairness) float64 { return f.p99 }),
			}
			if len(s.loads) == 0 {
				quiet = now
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(now.p50, "p50-µs")
			b.ReportMetric(now.p99, "p99-µs")
			t.row(s.name, fmt.Sprintf("%.0f", now.p50), ratio(now.p50/quiet.p50), atMost(now.p50/quiet.p50, fairGoal),
				fmt.Sprintf("%.0f", now.p99), ratio(now.p99/quiet.p99), atMost(now.p99/quiet.p99, fairGoal),
				spread(all, func(f fairness) []float64 { return f.asked }),
				spread(all, func(f fairness) []float64 { return f.tool }),
				spread(all, func(f fairness) []float64 { return f.failed }),
				spread(all, func(f fairness) []float64 { return f.delayed }))
		})
	}
}

// spread is the median and the highest of all rounds.
func spread(all []fairness, of func(fairness) []float64) string {
	var v []float64
	for _, f := range all {
		v = append(v, of(f)...)
	}
	slices.Sort(v)
	return fmt.Sprintf("%.1f / %.1f", v[len(v)/2], v[len(v)-1])
}

func (s strain) measure(b *testing.B, peers string) (f fairness) {
	const services, questions, tools = 10, 50, 5
	var file harness.File
	for i := range services {
		file.Tasks = append(file.Tasks, harness.Task{
			ID: fmt.Sprintf("ts%03d", i+1), Command: "/bin/sleep 86400",
			Process: fmt.Sprintf(`<restart policy="always" backoff="%v" factor="1" jitter="0" intensity="1000"/>`, backoff),
		})
	}
	p := harness.Start(b, harness.Write(b, file))
	defer p.Stop()
	o := harness.NewOperator(b, p)
	pids := running(b, p, o)
	end := s.begin(b, peers, p)
	defer end()
	sub := start(b, peers, "latsub", p.Subscribe, "1")
	defer sub.stop()
	sub.expect("ready")
	pub := start(b, peers, "latpub", p.Publish, "1", "200", "1000")
	defer pub.stop()
	pub.expect("ready")
	<-time.After(settle)
	sub.ask() // what came while the load settled
	<-time.After(latencyWindow)
	f.latency = sub.latency()
	for range questions {
		f.asked = append(f.asked, ms(o.RoundTrip()))
	}
	for range tools {
		r := p.Command("state", p.File)
		if r.Code != 0 {
			b.Fatalf("conf_command state ended with %d: %s", r.Code, r.Stderr)
		}
		f.tool = append(f.tool, ms(r.Took))
	}
	for id, pid := range pids {
		failed, _, again := die(b, o, id, pid)
		f.failed = append(f.failed, ms(failed))
		// Who had lived for a while is back at once; the second time there is a pause.
		_, pause, _ := die(b, o, id, again)
		f.delayed = append(f.delayed, ms(pause-backoff))
	}
	return f
}

// die kills a service: how long until it was said to have failed, how long from
// then until it was back, and its new pid.
func die(b *testing.B, o *harness.Operator, id string, pid int) (failed, pause time.Duration, again int) {
	b.Helper()
	at := time.Now()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		b.Fatal(err)
	}
	o.Seen.Until(id+" to be back", func(m harness.Message) bool {
		switch {
		case m.ServiceID != id:
		case m.Action == "failed":
			failed = m.At.Sub(at)
		case m.Action == "started":
			pause = m.At.Sub(at) - failed
			number, _ := m.Status["pid"].(float64)
			again = int(number)
			return true
		}
		return false
	})
	return failed, pause, again
}

// running starts all services and gives their pids.
func running(b *testing.B, p *harness.Provider, o *harness.Operator) map[string]int {
	b.Helper()
	p.Transaction = "FAIR" + strconv.Itoa(p.PID)
	if r := p.Command("start", "--transaction="+p.Transaction, p.File); r.Code != 0 {
		b.Fatalf("start ended with %d: %s", r.Code, r.Stderr)
	}
	pids := map[string]int{}
	o.Seen.Until("last started", func(m harness.Message) bool {
		if pid, ok := m.Status["pid"].(float64); ok && m.Action == "started" {
			pids[m.ServiceID] = int(pid)
		}
		return len(pids) == 10
	})
	return pids
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
