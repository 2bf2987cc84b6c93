package schedule

import (
	"slices"
	"strconv"
	"strings"
)

// sundays writes a field of days of the week without the 7, which crontab(5)
// knows as another Sunday and gocron's parser does not.
func sundays(field string) string {
	if !strings.Contains(field, "7") {
		return field
	}
	parts := strings.Split(field, ",")
	for i, part := range parts {
		span, step, _ := strings.Cut(part, "/")
		first, last, isRange := strings.Cut(span, "-")
		switch {
		case first == "7":
			parts[i] = "0"
		case isRange && last == "7":
			parts[i] = daysFrom(first, step)
		}
	}
	return strings.Join(parts, ",")
}

// daysFrom lists the days from one to the second Sunday, every step-th of them.
// conf has checked what is read here.
func daysFrom(first, step string) string {
	from := slices.Index([]string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}, first)
	if from < 0 {
		from, _ = strconv.Atoi(first)
	}
	by, _ := strconv.Atoi(step)
	var list []string
	for d := from; d <= 7; d += max(1, by) {
		list = append(list, strconv.Itoa(d%7))
	}
	return strings.Join(list, ",")
}
