package screen

import (
	"time"

	"zmicroservices/context/event"
)

// traceLength is how many samples a sparkline has at most.
const traceLength = 40

// trace is what a task service did cost lately.
type trace struct {
	at  time.Time // of the last sample
	cpu []float64 // percent, the oldest first
	rss []float64 // bytes
}

// add takes a sample, if it is a new one. None is a gap: the process has ended.
func (t *trace) add(c *event.Cost) {
	if c == nil {
		t.cpu, t.rss = nil, nil
		return
	}
	if c.At.Equal(t.at) {
		return
	}
	t.at = c.At
	sum := c.Total()
	t.cpu = append(t.cpu[max(0, len(t.cpu)-traceLength+1):], sum.CPU)
	t.rss = append(t.rss[max(0, len(t.rss)-traceLength+1):], float64(sum.RSS))
}

// The letters of a sparkline, the lowest first.
var (
	blocks = []rune("▁▂▃▄▅▆▇█")
	ascii  = []rune("_.-:=+*#")
)

// sparkline draws the last values, so wide, scaled so that full is the top; more than
// that is the top, too.
func sparkline(values []float64, width int, full float64, letters []rune) string {
	values = values[max(0, len(values)-width):]
	line := make([]rune, 0, width)
	for range width - len(values) {
		line = append(line, ' ')
	}
	for _, v := range values {
		step := 0
		if full > 0 {
			step = int(v / full * float64(len(letters)))
		}
		line = append(line, letters[min(max(step, 0), len(letters)-1)])
	}
	return string(line)
}

// Sparkline draws values for a line of text, at most so wide: neighbours share a letter
// where there are more, by their mean. Its top is the most that there was.
func Sparkline(values []float64, width int, unicode bool) string {
	letters := ascii
	if unicode {
		letters = blocks
	}
	if n := len(values); n > width {
		fewer := make([]float64, width)
		for i := range fewer {
			from, to := i*n/width, (i+1)*n/width
			for _, v := range values[from:to] {
				fewer[i] += v / float64(to-from)
			}
		}
		values = fewer
	}
	return sparkline(values, len(values), most(values, 0)*1.0001, letters)
}

// fullCPU is the top of a CPU sparkline: one core, or the most that there was.
func fullCPU(values []float64) float64 { return most(values, 100) }

// fullRSS is the top of a memory sparkline: a little above the most that there was, so
// that what is flat is not at the top.
func fullRSS(values []float64) float64 { return most(values, 0) * 1.3 }

func most(values []float64, least float64) float64 {
	for _, v := range values {
		least = max(least, v)
	}
	return least
}
