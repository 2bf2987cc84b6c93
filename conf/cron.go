package conf

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// cronFields are the five fields of crontab(5), after one of seconds that may be
// left out.
var cronFields = []struct {
	name      string
	low, high int
	words     []string // the first one stands for low
}{
	{"second", 0, 59, nil},
	{"minute", 0, 59, nil},
	{"hour", 0, 23, nil},
	{"day of month", 1, 31, nil},
	{"month", 1, 12, []string{"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"}},
	{"day of week", 0, 7, []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}},
}

var cronWords = []string{"@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"}

// checkCron judges a cron expression of five fields, of six with one of seconds
// before them, or one of cron's words. It says when nothing could ever run it;
// when it runs is the scheduler's.
func checkCron(s string) (string, error) {
	if strings.HasPrefix(s, "@") {
		if !slices.Contains(cronWords, s) {
			return "", errors.New("is unknown to cron" + hint(s, cronWords))
		}
		return s, nil
	}
	fields := strings.Fields(s)
	first := len(cronFields) - len(fields)
	if first != 0 && first != 1 {
		return "", fmt.Errorf("has %d fields; cron wants 5: minute, hour, day of month, month, day of week; or 6, with the second before them", len(fields))
	}
	for i, f := range fields {
		i += first
		for part := range strings.SplitSeq(f, ",") {
			if !cronPart(part, i) {
				return "", fmt.Errorf("has %q as its %s, which is not from %d to %d", f, cronFields[i].name, cronFields[i].low, cronFields[i].high)
			}
		}
	}
	if fields = fields[len(fields)-3:]; fields[2] == "*" && !dateExists(fields[0], fields[1]) {
		return "", fmt.Errorf("has day of month %q in month %q, which no year has", fields[0], fields[1])
	}
	return s, nil
}

// dateExists says whether any of these months ever has one of these days.
func dateExists(days, months string) bool {
	first := lowest(days, cronDay)
	if first < 29 {
		return true
	}
	for month, n := range []int{31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31} {
		if first <= n && slices.ContainsFunc(strings.Split(months, ","), func(part string) bool { return cronHas(part, cronMonth, month+1) }) {
			return true
		}
	}
	return false
}

// The places of two fields in cronFields.
const cronDay, cronMonth = 3, 4

// lowest is the first value of a field that was checked.
func lowest(f string, field int) int {
	for n := cronFields[field].low; ; n++ {
		if n == cronFields[field].high || slices.ContainsFunc(strings.Split(f, ","), func(part string) bool { return cronHas(part, field, n) }) {
			return n
		}
	}
}

// cronHas says whether a part that was checked holds a value.
func cronHas(part string, field, n int) bool {
	span, step, stepped := strings.Cut(part, "/")
	from, to, by := cronFields[field].low, cronFields[field].high, 1
	if stepped {
		by, _ = strconv.Atoi(step)
	}
	if span != "*" {
		first, last, isRange := strings.Cut(span, "-")
		from, _ = cronNumber(first, field)
		switch {
		case isRange:
			to, _ = cronNumber(last, field)
		case !stepped:
			to = from
		}
	}
	return n >= from && n <= to && (n-from)%by == 0
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
