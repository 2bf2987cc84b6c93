package provider

import (
	"bufio"
	"bytes"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"zmicroservices/context/event"
	"zmicroservices/context/trend"
)

// ways are where the costs of a process lead to. They end with the process: that of
// the next incarnation begins anew.
type ways struct {
	rss, fds *trend.Series // nil until there is something to add
}

// foresee takes what was measured in this pass, and nothing beyond that, and says what
// leads to a limit.
func (m *meter) foresee(views []*event.View, now time.Time) {
	if m.p.opts.Original {
		return
	}
	for _, v := range views {
		for _, t := range v.Tasks {
			ref := refIn(v, t)
			s := m.subjects[ref]
			if s == nil || s.cost == nil || s.tree.At().Before(now) || s.tree.Err() != nil {
				continue
			}
			for _, why := range s.ways.follow(s.cost, t, trend.DefaultOptions()) {
				m.p.put(ref, event.Rising{Ref: ref, Reason: why})
			}
		}
	}
}

// follow takes what a task service costs and gives the reasons, if any, to expect that
// it comes to a limit: of its file, of the process, or of the machine. Memory is that of
// all its processes together. Descriptors are, too, if its file limits them; the kernel
// limits them for each, so else it is the process that has most.
func (w *ways) follow(c *event.Cost, t *event.TaskView, o trend.Options) (why []string) {
	if w.rss == nil {
		w.rss, w.fds = trend.New(o), trend.New(o)
	}
	if c.RSS == 0 {
		return nil // it has ended, and is not reaped yet
	}
	total := c.Total()
	if r, ok := w.rss.Add(c.At, float64(total.RSS), func() float64 { return mostMemory(t.MostRSS) }); ok {
		why = append(why, tell("rss", r, megabytes))
	}
	if c.Error != "" {
		return why // descriptors are what cannot be read of another user's process
	}
	fds, pid := total.FDs, 0
	if t.MostFDs == 0 {
		fds, pid = c.FDs, c.PID
		for i := range c.Children {
			if c.Children[i].FDs > fds {
				fds, pid = c.Children[i].FDs, c.Children[i].PID
			}
		}
	}
	limit := func() float64 {
		if pid == 0 {
			return float64(t.MostFDs)
		}
		return openFiles(pid)
	}
	if r, ok := w.fds.Add(c.At, float64(fds), limit); ok {
		why = append(why, tell("fds", r, count))
	}
	return why
}

// tell says a rise in a line: "fds +14/h (confidence 99.9%), limit 1024 in 2.6 days".
func tell(what string, r trend.Rise, in func(float64) string) string {
	percent := math.Floor(r.Confidence*1000) / 10 // 100 % would be a lie
	return fmt.Sprintf("%s +%s/h (confidence %.1f%%), limit %s in %s", what, in(r.Slope), min(percent, 99.9), in(r.Limit), span(r.Left))
}

// span is a time with the digits that an estimate has.
func span(d time.Duration) string {
	switch {
	case d >= 48*time.Hour:
		return fmt.Sprintf("%.1f days", d.Hours()/24)
	case d >= 2*time.Hour:
		return fmt.Sprintf("%.1f hours", d.Hours())
	default:
		return fmt.Sprintf("%.0f minutes", d.Minutes())
	}
}

func megabytes(v float64) string { return strconv.FormatFloat(v/1e6, 'f', 1, 64) + " MB" }

// count writes a number of things; below ten a rate has a digit more.
func count(v float64) string {
	digits := 0
	if v < 10 {
		digits = 1
	}
	return strconv.FormatFloat(v, 'f', digits, 64)
}

// mostMemory is the least of what a file allows, in bytes (0: it does not say), and what
// the machine has.
func mostMemory(file int64) float64 {
	most := math.Inf(1)
	var i unix.Sysinfo_t
	if unix.Sysinfo(&i) == nil {
		most = float64(i.Totalram) * float64(i.Unit)
	}
	if file > 0 {
		most = min(most, float64(file))
	}
	return most
}

// openFiles is the soft RLIMIT_NOFILE of a process, which it may have raised itself;
// +Inf if it has none, or is gone. Everybody may read limits (proc_pid_limits(5));
// prlimit(2) asks for more.
func openFiles(pid int) float64 {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/limits")
	if err != nil {
		return math.Inf(1)
	}
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		if rest, ok := strings.CutPrefix(lines.Text(), "Max open files"); ok {
			if f := strings.Fields(rest); len(f) > 0 {
				if n, err := strconv.ParseUint(f[0], 10, 64); err == nil {
					return float64(n)
				}
			}
		}
	}
	return math.Inf(1)
}
