package conf

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// The parsers of single values. Their errors go on after the name and the
// value: `timeout "10" has no unit; write "10s"`.

// parseDuration reads "1.5s", "250ms", "1h30m", "7d", and "0" for off.
func parseDuration(s string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(s, "d"); ok {
		n, err := strconv.ParseFloat(days, 64)
		if err == nil && n >= 0 && n*24*float64(time.Hour) < math.MaxInt64 {
			return time.Duration(n * 24 * float64(time.Hour)), nil
		}
	}
	d, err := time.ParseDuration(s)
	switch {
	case err == nil && d < 0:
		return 0, errors.New("is negative")
	case err == nil:
		return d, nil
	}
	if _, err := strconv.ParseFloat(s, 64); err == nil {
		return 0, fmt.Errorf("has no unit; write %q", s+"s")
	}
	return 0, errors.New(`is no duration; write it as "10s", "250ms" or "1h30m"`)
}

// units are decimal with B and binary with iB, as IEC 80000-13 has them.
var units = []struct {
	suffix string
	bytes  float64
}{
	{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40},
	{"kB", 1e3}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}, {"B", 1},
}

// parseSize reads "10MB", "1.5GiB" and "4096" (bytes) into bytes.
func parseSize(s string) (int64, error) {
	number, factor := s, 1.0
	for _, u := range units {
		if rest, ok := strings.CutSuffix(s, u.suffix); ok {
			number, factor = strings.TrimSpace(rest), u.bytes
			break
		}
	}
	n, err := strconv.ParseFloat(number, 64)
	if err != nil || math.IsNaN(n) {
		return 0, errors.New(`is no size; write it as "10MB", "1GiB" or a number of bytes`)
	}
	if n < 0 || n*factor >= math.MaxInt64 {
		return 0, errors.New("is out of range")
	}
	return int64(n * factor), nil
}

// parseSignal reads "SIGTERM", "term" or "15" into "SIGTERM" (signal(7)).
func parseSignal(s string) (string, error) {
	if n, err := strconv.Atoi(s); err == nil {
		if name := unix.SignalName(syscall.Signal(n)); name != "" {
			return name, nil
		}
		return "", errors.New("is no signal number; see signal(7)")
	}
	name := strings.ToUpper(s)
	if !strings.HasPrefix(name, "SIG") {
		name = "SIG" + name
	}
	if unix.SignalNum(name) == 0 {
		return "", errors.New("is no signal" + hint(name, signalNames()))
	}
	return name, nil
}

func signalNames() []string {
	var names []string
	for n := syscall.Signal(1); n < 32; n++ {
		if name := unix.SignalName(n); name != "" {
			names = append(names, name)
		}
	}
	return names
}

// intIn makes a parser of whole numbers from low to high.
func intIn(low, high int) func(string) (int, error) {
	return func(s string) (int, error) {
		n, err := strconv.Atoi(s)
		if err != nil {
			return 0, errors.New("is no whole number")
		}
		if n < low && high == math.MaxInt32 {
			return 0, fmt.Errorf("is less than %d", low)
		}
		if n < low || n > high {
			return 0, fmt.Errorf("is not between %d and %d", low, high)
		}
		return n, nil
	}
}

// floatIn makes a parser of numbers from low to high.
func floatIn(low, high float64) func(string) (float64, error) {
	return func(s string) (float64, error) {
		n, err := strconv.ParseFloat(s, 64)
		if err != nil || math.IsNaN(n) {
			return 0, errors.New("is no number")
		}
		if n < low || n > high {
			return 0, fmt.Errorf("is not between %g and %g", low, high)
		}
		return n, nil
	}
}

// parseRate reads "20/s", "5/m" or "100/h" into events a second.
func parseRate(s string) (float64, error) {
	number, per, ok := strings.Cut(s, "/")
	n, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if !ok || err != nil || math.IsNaN(n) || math.IsInf(n, 0) || n < 0 {
		return 0, errors.New(`is no rate; write it as "20/s", "5/m" or "100/h"`)
	}
	switch strings.TrimSpace(per) {
	case "s":
		return n, nil
	case "m":
		return n / 60, nil
	case "h":
		return n / 3600, nil
	}
	return 0, errors.New(`is no rate; write it as "20/s", "5/m" or "100/h"`)
}

// parsePercent reads "80%" or "80" (100 is one core).
func parsePercent(s string) (float64, error) {
	return floatIn(0, 1e6)(strings.TrimSuffix(s, "%"))
}

// parseUmask reads three octal digits, as umask(1) does.
func parseUmask(s string) (int, error) {
	n, err := strconv.ParseUint(s, 8, 16)
	if err != nil || n > 0o777 {
		return 0, errors.New(`is no umask; write it in octal, as "022"`)
	}
	return int(n), nil
}

// maxCPUs is CPU_SETSIZE, the size of the mask of sched_setaffinity(2).
const maxCPUs = 1024

// parseCPUs reads a list as taskset(1) does: "0,2-3".
func parseCPUs(s string) ([]int, error) {
	var named [maxCPUs]bool
	number := intIn(0, maxCPUs-1)
	for part := range strings.SplitSeq(s, ",") {
		first, last, isRange := strings.Cut(strings.TrimSpace(part), "-")
		from, err := number(first)
		to := from
		if err == nil && isRange {
			to, err = number(last)
		}
		if err != nil || to < from {
			return nil, errors.New(`is no list of CPUs; write it as "0,2-3"`)
		}
		for c := from; c <= to; c++ {
			named[c] = true
		}
	}
	var cpus []int
	for c, ok := range named {
		if ok {
			cpus = append(cpus, c)
		}
	}
	return cpus, nil
}
