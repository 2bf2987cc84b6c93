package main

import (
	"fmt"
	"io"
	"strconv"
	"time"

	"zmicroservices/context/event"
)

// showFigures prints what everything costs as tables, one a transaction, and a line
// about ourselves.
func showFigures(w world, f *event.Figures) error {
	if len(f.Services) == 0 {
		fmt.Fprintf(w.err, "%s has no task services\n", printable(f.Context))
	}
	for i := 0; i < len(f.Services); {
		id := f.Services[i].Transaction
		n := i
		for n < len(f.Services) && f.Services[n].Transaction == id {
			n++
		}
		fmt.Fprintln(w.out, "transaction "+paint(printable(string(id)), bold, w.colour))
		if err := showCosts(w, f.Services[i:n]); err != nil {
			return err
		}
		fmt.Fprintln(w.out)
		i = n
	}
	return showOurselves(w.out, f)
}

func showCosts(w world, services []event.ServiceFigures) error {
	t := newTable(w.colour, "TASK", "INSTANCE", "STATE", "UP", "RST", "CPU%", "RSS", "FDS", "CON", "PID")
	for _, s := range services {
		state := service{State: s.State.String(), Completed: s.Completed, Waits: s.Waits, Scheduled: s.Scheduled, Running: s.Present}.standing()
		cells := plain(string(s.ID), s.Instance, state, "", strconv.Itoa(s.Restarts), "", "", "", "", "")
		cells[2].colour = stateColour(s.State.String())
		if s.Uptime > 0 {
			cells[3].text = (time.Duration(s.Uptime) * time.Second).String()
		}
		if s.Cost != nil {
			c := s.Cost.Total()
			cells[5].text, cells[6].text = strconv.FormatFloat(c.CPU, 'f', 1, 64), bytesOf(c.RSS)
			cells[7].text, cells[8].text = strconv.Itoa(c.FDs), strconv.Itoa(c.Sockets())
		}
		if s.Present && s.PID > 0 {
			cells[9].text = strconv.Itoa(s.PID)
		}
		t.add(cells...)
	}
	return t.show(w.out)
}

// bytesOf is a size for people, as ps(1) and top(1) write it.
func bytesOf(n int64) string {
	const units = "BKMGT"
	v, unit := float64(n), 0
	for v >= 1000 && unit < len(units)-1 {
		v, unit = v/1024, unit+1
	}
	if unit == 0 {
		return strconv.FormatInt(n, 10) + "B"
	}
	return strconv.FormatFloat(v, 'f', 1, 64) + units[unit:unit+1]
}

func showOurselves(w io.Writer, f *event.Figures) error {
	b := f.Bus
	_, err := fmt.Fprintf(w, "bus: %d in, %d out, %d dropped, %d denied; %d publishers, %d subscribers\n",
		b.In.Messages, b.Out.Messages, b.Dropped.Messages, b.Denied, b.Publishers, b.Subscribers)
	for _, s := range f.Self {
		_, err = fmt.Fprintf(w, "%s: pid %d, %s, %.1f %% of a core, %d descriptors, %d goroutines\n", s.Process, s.PID, bytesOf(s.RSS), s.CPU, s.FDs, s.Goroutines)
	}
	if err == nil && (f.Output.Dropped > 0 || f.Journal.Lost > 0) {
		_, err = fmt.Fprintf(w, "dropped: %d lines of output, %d rows of the journal\n", f.Output.Dropped, f.Journal.Lost)
	}
	if err == nil && f.Journal.Failing != "" {
		_, err = fmt.Fprintf(w, "journal: %s\n", printable(f.Journal.Failing))
	}
	return err
}
