package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"zmicroservices/taskservice/hippodamia"
)

// rows prints one line for each that was asked; cells are those of its answer, and of one
// without an answer there are none.
func (r *roundup) rows(w world, titles []string, cells func(hippodamia.Service, any) []string) error {
	t := newTable(w.colour, append([]string{"NAME", "HOST", "ANSWER"}, titles...)...)
	for _, s := range r.asked {
		row := plain(shortened(calledAs(s), 30), shortened(s.Host, 30))
		a, ok := r.answers[s.GID]
		if ok {
			row = append(row, cell{took(a.after), green})
			row = append(row, plain(cells(s, a.msg)...)...)
		} else {
			row = append(row, cell{"silent", red})
			row = append(row, plain(make([]string, len(titles)-1)...)...)
			row = append(row, cell{text: s.GID})
		}
		t.add(row...)
	}
	return t.show(w.out)
}

// took is a time in three digits.
func took(d time.Duration) string {
	switch {
	case d < 10*time.Millisecond:
		return d.Round(10 * time.Microsecond).String()
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	}
	return d.Round(10 * time.Millisecond).String()
}

func showPings(w world, r *roundup) error {
	return r.rows(w, []string{"TYPE", "SEQ", "GID"}, func(s hippodamia.Service, msg any) []string {
		m, _ := msg.(hippodamia.Ping)
		return []string{shortened(s.Type, 30), strconv.FormatUint(m.Seq, 10), s.GID}
	})
}

func showOnboardings(w world, r *roundup) error {
	return r.rows(w, []string{"UUID", "GID"}, func(s hippodamia.Service, msg any) []string {
		m, _ := msg.(onboarded)
		return []string{shortened(m.UUID, 40), s.GID}
	})
}

// showRuntimes prints figures, and below them what was logged.
func showRuntimes(w world, r *roundup) error {
	err := r.rows(w, []string{"STATE", "PID", "RSS", "CPU%", "UP", "THREADS", "FDS", "VERSION", "GID"}, func(s hippodamia.Service, msg any) []string {
		m, _ := msg.(hippodamia.Runtime)
		i := m.Runtime
		rss := ""
		if i.RSS > 0 {
			rss = amount(float64(i.RSS))
		}
		return []string{
			shortened(i.State, 20), counted(i.PID), rss, strconv.FormatFloat(i.CPUPercent, 'f', 1, 64), ago(time.Duration(i.Uptime * float64(time.Second))),
			counted(i.Threads), counted(i.FDs), shortened(versions(i.Versions, s.Version), 40), s.GID,
		}
	})
	if err != nil {
		return err
	}
	for _, s := range r.asked {
		m, _ := r.answers[s.GID].msg.(hippodamia.Runtime)
		for _, l := range m.Runtime.Log {
			colour := yellow
			if l.Level == "ERROR" {
				colour = red
			}
			if _, err := fmt.Fprintf(w.out, "%s %s %s: %s\n", clean(calledAs(s)), l.Time.Local().Format(time.DateTime),
				paint(clean(l.Level), colour, w.colour), printable(shortened(l.Message, 4*widest))); err != nil {
				return err
			}
		}
	}
	return nil
}

// counted is a number that is told if there is one.
func counted(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

func versions(m map[string]string, known string) string {
	if len(m) == 0 {
		return known
	}
	var all []string
	for _, k := range slices.Sorted(maps.Keys(m)) {
		all = append(all, k+" "+m[k])
	}
	return strings.Join(all, ", ")
}

// showConfigs prints each configuration below the name of its microservice.
func showConfigs(w world, r *roundup) error {
	for _, s := range r.asked {
		a, ok := r.answers[s.GID]
		what := cell{took(a.after), green}
		if !ok {
			what = cell{"silent", red}
		}
		_, err := fmt.Fprintf(w.out, "%s (%s) on %s, %s: %s\n", paint(clean(calledAs(s)), bold, w.colour), clean(s.Type), clean(s.Host), s.GID,
			paint(what.text, what.colour, w.colour))
		if err != nil {
			return err
		}
		m, _ := a.msg.(hippodamia.Config)
		for _, line := range settings("", m.Config) {
			if _, err := fmt.Fprintln(w.out, "  "+printable(shortened(line, 4*widest))); err != nil {
				return err
			}
		}
	}
	return nil
}

// settings flattens a configuration into lines, "monitor.interval = 5".
func settings(path string, v any) []string {
	m, ok := v.(map[string]any)
	if !ok || len(m) == 0 && path != "" {
		text, err := json.Marshal(v)
		if s, is := v.(string); is && err == nil {
			text = []byte(s)
		}
		return []string{path + " = " + string(text)}
	}
	var lines []string
	for _, k := range slices.Sorted(maps.Keys(m)) {
		below := k
		if path != "" {
			below = path + "." + k
		}
		lines = append(lines, settings(below, m[k])...)
	}
	return lines
}
