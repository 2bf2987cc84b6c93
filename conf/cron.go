package conf

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// cronFields are the five fields of crontab(5).
var cronFields = []struct {
	name      string
	low, high int
	words     []string // the first one stands for low
}{
	{"minute", 0, 59, nil},
	{"hour", 0, 23, nil},
	{"day of month", 1, 31, nil},
	{"month", 1, 12, []string{"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"}},
	{"day of week", 0, 7, []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}},
}

var cronWords = []string{"@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"}

// checkCron judges a cron expression of five fields, or one of cron's words.
// It says when nothing could ever run it; when it runs is the scheduler's.
func checkCron(s string) (string, error) {
	if strings.HasPrefix(s, "@") {
		if !slices.Contains(cronWords, s) {
			return "", errors.New("is unknown to cron" + hint(s, cronWords))
		}
		return s, nil
	}
	fields := strings.Fields(s)
	if len(fields) != len(cronFields) {
		return "", fmt.Errorf("has %d fields; cron wants 5: minute, hour, day of month, month, day of week", len(fields))
	}
	for i, f := range fields {
		for part := range strings.SplitSeq(f, ",") {
			if !cronPart(part, i) {
				return "", fmt.Errorf("has %q as its %s, which is not from %d to %d", f, cronFields[i].name, cronFields[i].low, cronFields[i].high)
			}
		}
	}
	return s, nil
}

// cronPart judges "*", "5", "1-5", each also with a "/step".
func cronPart(part string, field int) bool {
	span, step, stepped := strings.Cut(part, "/")
	if stepped {
		if n, err := strconv.Atoi(step); err != nil || n < 1 {
			return false
		}
	}
	if span == "*" {
		return true
	}
	first, last, isRange := strings.Cut(span, "-")
	from, ok := cronNumber(first, field)
	if !ok || !isRange {
		return ok
	}
	to, ok := cronNumber(last, field)
	return ok && from <= to
}

func cronNumber(s string, field int) (int, bool) {
	f := cronFields[field]
	if i := slices.Index(f.words, strings.ToLower(s)); i >= 0 {
		return f.low + i, true
	}
	n, err := strconv.Atoi(s)
	return n, err == nil && n >= f.low && n <= f.high
}
