package watchdog

import (
	"errors"
	"math"
	"strconv"
	"strings"
)

// units are those of sizes in a Context file.
var units = []struct {
	suffix string
	bytes  float64
}{
	{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40},
	{"kB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}, {"B", 1},
}

// ParseSize reads "4GB", "1.5GiB" and "4096" (bytes) into bytes; "-1", which is no bound,
// is below 0.
func ParseSize(text string) (int64, error) {
	if text == "-1" {
		return -1, nil
	}
	number, factor := text, 1.0
	for _, u := range units {
		if rest, found := strings.CutSuffix(text, u.suffix); found {
			number, factor = strings.TrimSpace(rest), u.bytes
			break
		}
	}
	n, err := strconv.ParseFloat(number, 64)
	if err != nil || math.IsNaN(n) || n <= 0 || n*factor < 1 || n*factor >= math.MaxInt64 {
		return 0, errors.New(strconv.Quote(text) + ` is no size; write it as "10MB", "1GiB" or a number of bytes above 0; -1 is no bound`)
	}
	return int64(n * factor), nil
}
