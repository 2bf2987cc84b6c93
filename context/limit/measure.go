package limit

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"zmicroservices/conf"
	"zmicroservices/context/event"
)

// measure gives what a limit is about, and the limit, in one unit.
func measure(l conf.Limit, c *event.ProcessCost) (value, limit float64) {
	switch l.Measure {
	case conf.RSS:
		return float64(c.RSS), float64(l.RSS)
	case conf.CPU:
		return c.CPU, l.CPU
	case conf.FDs:
		return float64(c.FDs), float64(l.FDs)
	case conf.Connections:
		return float64(c.Sockets()), float64(l.Connections)
	case conf.Age:
		return c.Age, l.Age.Seconds()
	default:
		return 0, math.Inf(1)
	}
}

// say tells an excess: "rss 412 MB > 400 MB for 30s".
func say(l conf.Limit, value float64) string {
	_, limit := measure(l, &event.ProcessCost{})
	text := fmt.Sprintf("%s %s > %s", l.Measure, quantity(l, value), quantity(l, limit))
	if l.For > 0 {
		text += fmt.Sprintf(" for %v", l.For)
	}
	return text
}

// quantity writes a value in the unit that its file has for it.
func quantity(l conf.Limit, v float64) string {
	switch l.Measure {
	case conf.RSS:
		return size(v)
	case conf.CPU:
		return strconv.FormatFloat(math.Round(v*10)/10, 'f', -1, 64) + "%"
	case conf.Age:
		return time.Duration(v * float64(time.Second)).Round(time.Millisecond).String()
	default:
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
}

// size writes bytes with three digits or so, in decimal units, as files have them.
func size(v float64) string {
	for _, u := range []struct {
		name  string
		bytes float64
	}{{"GB", 1e9}, {"MB", 1e6}, {"kB", 1e3}} {
		if v >= u.bytes {
			digits := 0
			if v < 10*u.bytes {
				digits = 2
			}
			return strconv.FormatFloat(v/u.bytes, 'f', digits, 64) + " " + u.name
		}
	}
	return strconv.FormatFloat(v, 'f', 0, 64) + " B"
}
